//! The way to the thread that changes what is served, for those who want it changed.

use super::{News, Report};
use std::sync::mpsc;
use tidegate_core::document::{Amendment, Document, Violation};
use tokio::sync::oneshot;

/// The way to the thread.
#[derive(Clone)]
pub struct Changes(pub(super) mpsc::Sender<News>);

impl Changes {
    /// Wants what a document says; the report comes when every part of it is settled. A gateway that ends takes no
    /// documents, and drops the answer with the question.
    pub fn apply(&self, document: Document) -> oneshot::Receiver<Report> {
        let (respond, report) = oneshot::channel();
        self.0.send(News::Apply(Box::new(document), respond)).ok();
        report
    }

    /// Wants what an amendment says; comes when it has been taken up, with what of it cannot be: then nothing of it is.
    pub fn amend(&self, amendment: Amendment) -> oneshot::Receiver<Result<(), Vec<Violation>>> {
        let (respond, taken) = oneshot::channel();
        self.0.send(News::Amend(Box::new(amendment), respond)).ok();
        taken
    }

    /// Comes when every document before has been taken up: what it wants and need not load is served.
    pub fn fence(&self) -> oneshot::Receiver<()> {
        let (respond, passed) = oneshot::channel();
        self.0.send(News::Fence(respond)).ok();
        passed
    }

    pub(in crate::drive) fn tell(&self, news: News) {
        self.0.send(news).ok();
    }
}
