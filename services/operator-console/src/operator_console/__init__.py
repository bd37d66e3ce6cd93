"""The operator console: the command line, the embedded servers, the supervisor, the read model of documents."""
