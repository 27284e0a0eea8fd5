"""What a person sees of a running engine in a browser, and what Prometheus asks for. It only reads.

Nothing of this but `access` is imported unless `http.address` is set.
"""
