"""The basware-reader: reads approved documents, acknowledges them and answers their transfers."""
