"""What tests of `knect api` share."""
