//! A token that says when its last holder is gone.

/// Does one thing when it is dropped; held by whatever the thing waits for.
pub struct Lease(Option<Box<dyn FnOnce() + Send + Sync>>);

impl Lease {
    pub fn new(at_end: impl FnOnce() + Send + Sync + 'static) -> Self {
        Self(Some(Box::new(at_end)))
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(at_end) = self.0.take() {
            at_end();
        }
    }
}
