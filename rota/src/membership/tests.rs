//! Rule M by examples.
