//! The gateway document.
