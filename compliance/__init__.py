"""Does Checkwire keep to RFC 6455 and RFC 7692? See README.md."""
