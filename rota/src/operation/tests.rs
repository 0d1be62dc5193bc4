//! Tests of `operation`.
