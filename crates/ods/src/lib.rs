//! ODS codes, organisations and the publishers' file formats; pure
