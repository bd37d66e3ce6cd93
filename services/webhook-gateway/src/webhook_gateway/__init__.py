"""webhook-gateway: verifies pushes from Basware and stores them before it answers."""
