//! Weights that are learned from past tickets, in the arithmetic of the rules.
//!
//! `features` reads a ticket, `shape` takes words apart, `together` sees which ones keep company,
//! `vocabulary` makes numbers of all (`numbered`); `fit` finds weights by `minimize` over `sparse`
//! matrices, in the `manner` that suits the desk, `calibrate` how far they can be trusted; `train` does all of it for
//! past tickets and gives a `model`. `likeness` compares tickets one by one. Method: multinomial
//! logistic regression with a prior (see `fit`) on words, pairs of words and character n-grams.
//!
//! Fitting is L-BFGS and not dual coordinate descent, which would need the shapes spelt out for
//! every ticket; n-grams across words are left out. Values with one or two tickets are left to
//! rules.

mod calibrate;
mod features;
mod file;
mod fit;
mod likeness;
mod manner;
mod minimize;
mod model;
mod numbered;
mod prior;
mod shape;
mod sparse;
mod together;
mod train;
mod vocabulary;
mod weights;

pub use calibrate::{Judged, PRECISIONS, calibration_error, coverage_at};
pub use file::ModelError;
pub(crate) use likeness::Remembered;
pub(crate) use model::{FieldReading, Reading};
pub use model::{Model, TrainedField};
pub use train::{PastTicket, Training};
