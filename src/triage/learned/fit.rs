//! Fits the weights of one field: multinomial logistic regression with a prior.
//!
//! The score of a value is what the rules say for it, plus its bias, plus the weights of the features of the
//! ticket; softmax gives the probability. The weights are those that make the values of past tickets
//! likeliest, held back by the squares of their distance from the prior, which is what the rules say: few
//! tickets change little, many correct a wrong rule. Values with few tickets weigh a little more
//! than they are frequent, for a desk needs rare ones found too.

use std::collections::HashMap;

use foldhash::fast::FixedState;
use rayon::prelude::*;

use super::manner::Manner;
use super::minimize::{Limits, Valued, dot, minimize};
use super::sparse::{Sparse, add_times};

/// How much the tickets count against the prior, where there are [`FEW_VALUES`]. With vectors of
/// fixed length usual values are 1 to 10. On held-back tickets 1 to 3 measure alike; 10 costs up
/// to 1.3 points where there are few values.
const STRENGTH: f64 = 2.0;

/// With more values than this the strength grows as the root of their number, for each is then
/// rarer. With 77 values that gains 0.4 points over a strength that is the same for all.
const FEW_VALUES: f64 = 8.0;

/// How much the prior holds back the bias, beside that of weights.
const BIAS_HOLD: f32 = 0.01;

/// The same where rules speak of the values: what they say is usual stays so until many tickets say
/// otherwise. With ten tickets that gains five points of accuracy, with thousands it changes nothing.
const BIAS_HOLD_OF_RULES: f32 = 5.0;

/// Where rules speak of the values, n tickets count n / (n + this) of what they would: what the rules say
/// is worth so many tickets. With ten tickets that takes back a loss of 0.6 points against the rules
/// alone, with 50 to 200 it gains 0.1 to 0.3, with thousands it changes nothing. 20 to 200 measure alike.
const WORTH_OF_RULES: f64 = 50.0;

/// The most steps of the search.
const MAX_STEPS: usize = 50;

/// A step that lowers the loss by a smaller part gains too little. From 0.01 to 0.003 the accuracy
/// changes by -0.2 to 0.7 points on five fields, up on four, and learning takes 1.4 to 3 times as long.
const SMALL_GAIN: f64 = 0.003;

/// Tickets from which the reach of weights is estimated.
const SAMPLE: usize = 3_000;

/// Past tickets as numbers.
#[derive(Debug, Clone)]
pub(super) struct Examples {
    /// A ticket a row, over features, shapes and rules.
    pub(super) tickets: Sparse,
    /// The number of each one's value.
    pub(super) values: Vec<u32>,
    /// What the rules say: for every ticket the score of every value.
    pub(super) offsets: Vec<f32>,
    /// Whether the rules say anything.
    pub(super) has_rules: bool,
    /// How much each one counts, beside what its value does.
    pub(super) weights: Vec<f32>,
}

impl Examples {
    /// The tickets with these numbers, in this order.
    pub(super) fn pick(&self, numbers: &[usize], n_classes: usize) -> Self {
        let values = numbers.iter().filter_map(|number| self.values.get(*number));
        let weights = numbers.iter();
        let weights = weights.filter_map(|number| self.weights.get(*number));
        let offsets = numbers.iter().filter_map(|number| {
            let start = number * n_classes;
            self.offsets.get(start..start + n_classes)
        });
        Self {
            tickets: self.tickets.pick(numbers),
            has_rules: self.has_rules,
            weights: weights.copied().collect(),
            values: values.copied().collect(),
            offsets: offsets.flatten().copied().collect(),
        }
    }
}

/// What the columns of the tickets are, and how many classes: values, and perhaps to be about none of them.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    pub(super) n_classes: usize,
    /// Features come first, then shapes, then rules.
    pub(super) n_features: usize,
    pub(super) n_columns: usize,
    /// The shapes of every feature.
    pub(super) shapes: Sparse,
    shapes_back: Sparse,
}

impl Layout {
    pub(super) fn new(n_classes: usize, n_columns: usize, shapes: Sparse) -> Self {
        Self {
            n_classes,
            n_features: shapes.n_rows(),
            n_columns,
            shapes_back: shapes.transposed(),
            shapes,
        }
    }

    fn bias_start(&self) -> usize {
        self.n_columns * self.n_classes
    }

    /// How much of every column there is in the tickets, shapes of features included: about the
    /// sum of squares.
    #[expect(clippy::cast_precision_loss, reason = "tickets are counted")]
    fn squares(&self, tickets: &Sparse) -> Vec<f32> {
        let every = tickets.n_rows().div_ceil(SAMPLE).max(1);
        let mut squares = vec![0.0; self.n_columns];
        let mut amounts: HashMap<usize, f32, FixedState> = HashMap::default();
        for ticket in (0..tickets.n_rows()).step_by(every) {
            for (column, amount) in tickets.row(ticket) {
                *amounts.entry(column as usize).or_default() += amount;
                for (shape, share) in self.shapes.row(column as usize) {
                    let shape = self.n_features + shape as usize;
                    *amounts.entry(shape).or_default() += amount * share;
                }
            }
            for (column, amount) in amounts.drain() {
                if let Some(square) = squares.get_mut(column) {
                    *square += amount * amount * every as f32;
                }
            }
        }
        squares
    }

    /// What every column is worth: the weight of a feature has its shape included.
    fn whole(&self, weights: &[f32]) -> Vec<f32> {
        let mut whole = weights
            .get(..self.bias_start())
            .unwrap_or_default()
            .to_vec();
        let features = self.n_features * self.n_classes;
        let (features, others) = whole.split_at_mut(features);
        self.shapes.add_product(others, self.n_classes, features);
        whole
    }

    /// The way back: the gradient of features reaches their shapes.
    fn reach_shapes(&self, gradient: &mut [f32]) {
        let features = self.n_features * self.n_classes;
        let (features, others) = gradient.split_at_mut(features);
        let n_shapes = self.shapes_back.n_rows() * self.n_classes;
        if let Some(shapes) = others.get_mut(..n_shapes) {
            self.shapes_back
                .add_product(features, self.n_classes, shapes);
        }
    }
}

/// Weights that were found: a row for every column, one number a value, then the biases.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Fitted {
    parameters: Vec<f32>,
    trust: f32,
}

impl Fitted {
    /// The weights of columns, shapes of features included, and the biases.
    pub(super) fn weights(&self, layout: &Layout) -> (Vec<f32>, Vec<f32>) {
        let bias = self.parameters.get(layout.bias_start()..);
        (
            layout.whole(&self.parameters),
            bias.unwrap_or_default().to_vec(),
        )
    }

    /// The scores of tickets, one row each.
    pub(super) fn scores(&self, layout: &Layout, examples: &Examples) -> Vec<f32> {
        scores((&self.parameters, self.trust), layout, examples)
    }
}

/// Finds the weights, from those on that were found for much the same tickets, where there are any.
pub(super) fn fit(
    layout: &Layout,
    examples: &Examples,
    manner: Manner,
    start: Option<Fitted>,
) -> Fitted {
    let counts = counts(layout.n_classes, &examples.values);
    let is_ruled = examples.has_rules && manner.trust > 0.0;
    let start = start.map(|start| start.parameters);
    let start = start.unwrap_or_else(|| {
        let mut start = vec![0.0; layout.bias_start()];
        match is_ruled {
            true => start.resize(layout.bias_start() + layout.n_classes, 0.0),
            false => start.extend(log_shares(&counts)),
        }
        start
    });
    let task = Task {
        layout,
        examples,
        manner,
        bias_hold: if is_ruled {
            BIAS_HOLD_OF_RULES
        } else {
            BIAS_HOLD
        },
        by_column: examples.tickets.transposed(),
        importance: importance(&counts, examples, manner, is_ruled),
    };
    let limits = Limits {
        n_steps: MAX_STEPS,
        gain: SMALL_GAIN,
    };
    let reaches = task.reaches(&counts);
    Fitted {
        parameters: minimize(start, &reaches, limits, |at| task.loss(at)),
        trust: manner.trust,
    }
}

/// How many tickets have each value.
fn counts(n_classes: usize, values: &[u32]) -> Vec<u32> {
    let mut counts = vec![0; n_classes];
    for value in values {
        if let Some(count) = counts.get_mut(*value as usize) {
            *count += 1;
        }
    }
    counts
}

/// The logarithm of the share of each value, as if each had one ticket more (Laplace).
#[expect(clippy::cast_precision_loss, reason = "tickets are counted")]
pub(super) fn log_shares(counts: &[u32]) -> Vec<f32> {
    let total: u32 = counts.iter().map(|count| count + 1).sum();
    let share = |count: &u32| ((count + 1) as f32 / total as f32).ln();
    counts.iter().map(share).collect()
}

/// How much each ticket counts against the prior.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "tickets are counted, and 32 bits are enough for a factor"
)]
fn importance(counts: &[u32], examples: &Examples, manner: Manner, is_ruled: bool) -> Vec<f32> {
    let values = &examples.values;
    let n_tickets = values.len() as f64;
    let mut strength = STRENGTH * (counts.len() as f64 / FEW_VALUES).max(1.0).sqrt();
    if is_ruled {
        strength *= n_tickets / (n_tickets + WORTH_OF_RULES);
    }
    let n_present = counts.iter().filter(|count| **count > 0).count();
    let fair = n_tickets / n_present.max(1) as f64;
    let factor =
        |count: &u32| (strength * (fair / f64::from(*count).max(1.0)).powf(manner.balance)) as f32;
    let of_value: Vec<f32> = counts.iter().map(factor).collect();
    let of_ticket = values.iter().map(|value| of_value.get(*value as usize));
    let weighted = of_ticket.zip(&examples.weights);
    weighted
        .map(|(factor, weight)| weight * factor.copied().unwrap_or_default())
        .collect()
}

fn scores((parameters, trust): (&[f32], f32), layout: &Layout, examples: &Examples) -> Vec<f32> {
    let n_classes = layout.n_classes;
    let stated = examples.offsets.iter();
    let mut scores: Vec<f32> = stated.map(|stated| trust * stated).collect();
    let whole = layout.whole(parameters);
    let bias = parameters.get(layout.bias_start()..).unwrap_or_default();
    scores
        .par_chunks_mut(n_classes)
        .for_each(|scores| add_times(scores, 1.0, bias));
    examples.tickets.add_product(&whole, n_classes, &mut scores);
    scores
}

struct Task<'a> {
    layout: &'a Layout,
    examples: &'a Examples,
    manner: Manner,
    bias_hold: f32,
    by_column: Sparse,
    importance: Vec<f32>,
}

impl Task<'_> {
    /// About one over the curvature of the loss in every weight and bias, at the start.
    #[expect(clippy::cast_precision_loss, reason = "tickets are counted")]
    fn reaches(&self, counts: &[u32]) -> Vec<f32> {
        let shares = log_shares(counts).into_iter().map(f32::exp);
        let spreads: Vec<f32> = shares.map(|share| share * (1.0 - share)).collect();
        let total: f32 = self.importance.iter().sum();
        let mean = total / self.importance.len().max(1) as f32;
        let squares = self.layout.squares(&self.examples.tickets);
        let of_weights = squares.iter().flat_map(|square| {
            let spreads = spreads.iter();
            spreads.map(move |spread| 1.0 / (1.0 + mean * spread * square))
        });
        let of_bias = spreads.iter();
        let of_bias = of_bias.map(|spread| 1.0 / (self.bias_hold + total * spread));
        of_weights.chain(of_bias).collect()
    }

    /// How unlikely the past is with these weights, and the gradient.
    fn loss(&self, parameters: &[f32]) -> Valued {
        let n_classes = self.layout.n_classes;
        let mut errors = scores((parameters, self.manner.trust), self.layout, self.examples);
        let tickets = self.examples.values.par_iter().zip(&self.importance);
        let of_tickets = errors.par_chunks_mut(n_classes).zip(tickets);
        let losses: Vec<f64> = of_tickets
            .map(|(scores, (value, importance))| {
                error(scores, (*value, *importance), self.manner.doubt)
            })
            .collect();
        let mut gradient = vec![0.0; self.layout.bias_start()];
        self.by_column
            .add_product(&errors, n_classes, &mut gradient);
        self.layout.reach_shapes(&mut gradient);
        let mut of_bias = vec![0.0; n_classes];
        for errors in errors.chunks(n_classes) {
            add_times(&mut of_bias, 1.0, errors);
        }
        gradient.extend(of_bias);
        let (weights, bias) = parameters.split_at(self.layout.bias_start());
        let (of_weights, of_bias) = gradient.split_at_mut(self.layout.bias_start());
        add_times(of_weights, 1.0, weights);
        add_times(of_bias, self.bias_hold, bias);
        let hold = dot(weights, weights) + f64::from(self.bias_hold) * dot(bias, bias);
        (losses.iter().sum::<f64>() + hold / 2.0, gradient)
    }
}

/// The loss of one ticket; its scores become what they should be moved by.
fn error(scores: &mut [f32], (value, importance): (u32, f32), doubt: f32) -> f64 {
    let of_value = scores.get(value as usize).copied().unwrap_or_default();
    #[expect(clippy::cast_precision_loss, reason = "values are few")]
    let share = 1.0 / scores.len() as f32;
    let mean = share * scores.iter().sum::<f32>();
    let total = softmax(scores);
    let loss = total - (1.0 - doubt) * of_value - doubt * mean;
    for score in scores.iter_mut() {
        *score = importance * (*score - doubt * share);
    }
    if let Some(score) = scores.get_mut(value as usize) {
        *score -= importance * (1.0 - doubt);
    }
    f64::from(importance) * f64::from(loss)
}

/// Turns scores into probabilities; gives the logarithm of the sum of their exponentials.
pub(super) fn softmax(scores: &mut [f32]) -> f32 {
    let highest = scores.iter().copied().fold(f32::MIN, f32::max);
    let mut total = 0.0;
    for score in scores.iter_mut() {
        *score = (*score - highest).exp();
        total += *score;
    }
    for score in scores.iter_mut() {
        *score /= total;
    }
    highest + total.ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn examples(offsets: Vec<f32>) -> (Layout, Examples) {
        // Two features, one shape that both share; the first value goes with the first feature.
        let shapes = Sparse::from_rows(1, &[vec![(0, 0.5)], vec![(0, 0.5)]]);
        let rows = [
            vec![(0, 1.0)],
            vec![(0, 1.0)],
            vec![(1, 1.0)],
            vec![(1, 1.0)],
        ];
        let examples = Examples {
            tickets: Sparse::from_rows(3, &rows),
            values: vec![0, 0, 1, 1],
            has_rules: offsets.iter().any(|offset| *offset > 0.0),
            offsets,
            weights: vec![1.0; 4],
        };
        (Layout::new(2, 3, shapes), examples)
    }

    #[test]
    fn the_gradient_is_that_of_the_loss() {
        let (layout, examples) = examples(vec![0.3, 0.0, 0.0, 0.2, 0.0, 0.0, 0.1, 0.0]);
        let task = Task {
            layout: &layout,
            manner: Manner::USUAL,
            bias_hold: BIAS_HOLD,
            by_column: examples.tickets.transposed(),
            importance: vec![1.0, 2.0, 1.0, 0.5],
            examples: &examples,
        };
        let at: Vec<f32> = (0..8_u8).map(|n| (f32::from(n) * 0.37).sin()).collect();
        let (_, gradient) = task.loss(&at);
        for place in 0..at.len() {
            let at_moved = |by: f32| {
                let mut moved = at.clone();
                moved[place] += by;
                task.loss(&moved).0
            };
            let slope = (at_moved(1e-2) - at_moved(-1e-2)) / 2e-2;
            let error = (slope - f64::from(gradient[place])).abs();
            assert!(
                error < 0.02 * slope.abs().max(1.0),
                "{place}: {slope} {gradient:?}"
            );
        }
    }

    #[test]
    fn many_tickets_correct_a_wrong_rule_and_few_do_not() {
        // A rule says the second value, by 3, for every ticket.
        let (layout, few) = examples([0.0, 3.0].repeat(4));
        let scores_of_few = |learned: &Examples| {
            let fitted = fit(&layout, learned, Manner::USUAL, None);
            fitted.scores(&layout, &few)
        };
        let scores = scores_of_few(&few);
        assert!(scores[0] < scores[1], "{scores:?}");
        let numbers: Vec<usize> = (0..200).map(|number| number % 4).collect();
        let scores = scores_of_few(&few.pick(&numbers, 2));
        assert!(scores[0] > scores[1], "{scores:?}");
        assert!(scores[6] < scores[7], "{scores:?}");
    }
}
