//! Samples drawn by chance, the same ones everywhere and always.

pub(crate) mod callers;
mod draw;
mod shapes;

pub(crate) use draw::Draw;
pub(crate) use shapes::{moved_bin, moved_normal, skewed, uniform};
