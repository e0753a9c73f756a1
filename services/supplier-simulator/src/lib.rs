//! Suppliers of all three modes, with a synced log of their own effects
