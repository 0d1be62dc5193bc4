//! Runbooks in a tantivy index, and the search over them.
