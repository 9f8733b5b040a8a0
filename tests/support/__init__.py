"""What tests share: small models and a gateway in its own process."""
