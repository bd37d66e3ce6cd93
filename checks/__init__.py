"""What `make check` asks beside the tests: weaknesses in what we depend on, secrets in what we publish."""
