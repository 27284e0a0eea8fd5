"""What bench/echo.py is made of."""
