//! The append-only event log, its outbox and its timers.
