//! Tests of `escalation`.
