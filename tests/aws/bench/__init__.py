"""What the tests of the stack are made of: peers that run on this machine, a Slack that only listens, the stack itself."""
