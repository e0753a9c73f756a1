//! A synthetic England, written in the publishers' own file formats
