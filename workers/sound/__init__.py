"""What lies between the rings and a sound device: the audio worker's second thread.

The device's own callback moves frames and nothing else (`workers/drivers/native`). Here its clock is tracked (clock),
its frames become samples of the one timeline (capture) and samples its frames (playout), levels are kept (level), what
may be heard is chosen (mixer), and devices are waited for, opened and let go (keeper, desk).
"""
