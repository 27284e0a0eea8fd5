/* The functions that are only in headers, so that their code can be looked at. */
#include "bell.h"
#include "cells.h"
#include "lease.h"
#include "wait.h"

uint64_t cell_load(const rb_cell *cell);
void cell_store(rb_cell *cell, uint64_t value);
uint64_t cell_add(rb_cell *cell, uint64_t d);
int cell_cas(rb_cell *cell, uint64_t expected, uint64_t value);
uint64_t cell_maximum(rb_cell *cell, uint64_t value);
int watch_ready(const struct rb_watch *watch);
void bell_ring(struct rb_bell *bell);
int lease_wanted(const struct rb_lease *lease);

uint64_t cell_load(const rb_cell *cell) { return rb_cell_load(cell); }
void cell_store(rb_cell *cell, uint64_t value) { rb_cell_store(cell, value); }
uint64_t cell_add(rb_cell *cell, uint64_t d) { return rb_cell_add(cell, d); }
int cell_cas(rb_cell *cell, uint64_t expected, uint64_t value) { return rb_cell_cas(cell, expected, value); }
uint64_t cell_maximum(rb_cell *cell, uint64_t value) { return rb_cell_maximum(cell, value); }
int watch_ready(const struct rb_watch *watch) { return rb_ready(watch); }
void bell_ring(struct rb_bell *bell) { rb_bell_ring(bell); }
int lease_wanted(const struct rb_lease *lease) { return rb_lease_wanted(lease); }
