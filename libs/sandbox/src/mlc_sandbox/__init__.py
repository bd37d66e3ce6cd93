"""A Basware and an Epicor that run on loopback: strict, inspectable, and able to fail on demand."""
