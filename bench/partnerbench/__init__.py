"""What bench/partner.py is made of."""
