//! Slack: verify, read, write, post; and a local Slack.
