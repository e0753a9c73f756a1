//! One way to page, to tag, to be idempotent, to say an error
