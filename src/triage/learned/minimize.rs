//! Finds the minimum of a smooth function of many variables: L-BFGS, Nocedal and Wright, "Numerical
//! Optimization", 2006, algorithm 7.5, with a backtracking line search and a diagonal
//! preconditioner: the caller says how far every variable reaches.
//!
//! Vectors are 32 bits wide, sums 64. All sums are over fixed pieces in a fixed order: the same
//! function gives the same bytes, whatever the number of threads.

use rayon::prelude::*;

use super::sparse::add_times;

/// Steps that are remembered. Usual values are 3 to 20.
const MEMORY: usize = 6;

/// The search for a step ends after so many halvings.
const MAX_HALVINGS: usize = 12;

/// The share of the promised decrease that is enough (Armijo).
const ENOUGH: f64 = 1e-4;

/// The first step as a part of the one that the reaches alone would ask for. Variables that move
/// together curve the function more than each alone does: in a ticket about 50 of them.
const FIRST_STEP: f64 = 0.02;

/// The search ends after so many steps in a row that gained too little: one such step may be
/// chance.
const PATIENCE: usize = 2;

/// Numbers that the processor adds up at a time.
const LANES: usize = 8;

/// Numbers that one thread takes at a time.
const PIECE: usize = 1 << 15;

/// A value with the gradient.
pub(super) type Valued = (f64, Vec<f32>);

/// When to stop.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) n_steps: usize,
    /// A step that gains a smaller part of the value gains too little.
    pub(super) gain: f64,
}

/// A step that was taken: where it led, and how the gradient changed on it.
struct Step {
    moved: Vec<f32>,
    turned: Vec<f32>,
    /// One over the product of both.
    factor: f64,
    /// The part of the reaches that would have been right on it.
    reach: f64,
}

/// Goes from `at` downhill until steps gain too little, none leads lower, or enough were taken.
/// `reaches` are about one over the curvature of the function in every variable.
pub(super) fn minimize(
    mut at: Vec<f32>,
    reaches: &[f32],
    limits: Limits,
    function: impl Fn(&[f32]) -> Valued,
) -> Vec<f32> {
    let (mut value, mut gradient) = function(&at);
    let mut memory: Vec<Step> = Vec::new();
    let mut n_idle = 0;
    for _ in 0..limits.n_steps {
        let mut direction = downhill(&gradient, reaches, &memory);
        let mut slope = dot(&gradient, &direction);
        if slope >= 0.0 {
            memory.clear();
            direction = downhill(&gradient, reaches, &memory);
            slope = dot(&gradient, &direction);
        }
        let Some((next, next_value, next_gradient)) =
            step(&at, value, (&direction, slope), &function)
        else {
            break;
        };
        remember(
            &mut memory,
            reaches,
            (&at, &next),
            (&gradient, &next_gradient),
        );
        let is_idle = value - next_value < limits.gain * value.abs();
        n_idle = if is_idle { n_idle + 1 } else { 0 };
        (at, value, gradient) = (next, next_value, next_gradient);
        if n_idle == PATIENCE {
            break;
        }
    }
    at
}

/// The direction to go: the gradient, bent by what earlier steps tell of the curvature.
fn downhill(gradient: &[f32], reaches: &[f32], memory: &[Step]) -> Vec<f32> {
    let mut direction = gradient.to_vec();
    let mut shares = Vec::with_capacity(memory.len());
    for step in memory.iter().rev() {
        let share = step.factor * dot(&step.moved, &direction);
        add(&mut direction, -share, &step.turned);
        shares.push(share);
    }
    let reach = memory.last().map_or(FIRST_STEP, |last| last.reach);
    scale(&mut direction, -reach, reaches);
    for (step, share) in memory.iter().zip(shares.iter().rev()) {
        let other = step.factor * dot(&step.turned, &direction);
        add(&mut direction, -share - other, &step.moved);
    }
    direction
}

/// The first of ever shorter steps that leads low enough.
fn step(
    at: &[f32],
    value: f64,
    (direction, slope): (&[f32], f64),
    function: &impl Fn(&[f32]) -> Valued,
) -> Option<(Vec<f32>, f64, Vec<f32>)> {
    let mut size = 1.0;
    for _ in 0..MAX_HALVINGS {
        let mut next = at.to_vec();
        add(&mut next, size, direction);
        let (next_value, gradient) = function(&next);
        if next_value <= value + ENOUGH * size * slope {
            return Some((next, next_value, gradient));
        }
        size /= 2.0;
    }
    None
}

fn remember(
    memory: &mut Vec<Step>,
    reaches: &[f32],
    at: (&[f32], &[f32]),
    gradient: (&[f32], &[f32]),
) {
    let difference = |(before, after): (&[f32], &[f32])| -> Vec<f32> {
        let pairs = after.par_iter().zip(before);
        pairs.map(|(after, before)| after - before).collect()
    };
    let (moved, turned) = (difference(at), difference(gradient));
    let product = dot(&moved, &turned);
    // Where the function does not curve upwards a step tells nothing.
    if product > f64::EPSILON {
        if memory.len() == MEMORY {
            memory.remove(0);
        }
        let mut reached = turned.clone();
        scale(&mut reached, 1.0, reaches);
        memory.push(Step {
            reach: product / dot(&reached, &turned),
            moved,
            turned,
            factor: 1.0 / product,
        });
    }
}

/// The product of two vectors.
pub(super) fn dot(a: &[f32], b: &[f32]) -> f64 {
    let pieces = a.par_chunks(PIECE).zip(b.par_chunks(PIECE));
    let sums: Vec<f64> = pieces.map(|(a, b)| dot_piece(a, b)).collect();
    sums.iter().sum()
}

fn dot_piece(a: &[f32], b: &[f32]) -> f64 {
    let mut lanes = [0.0_f64; LANES];
    let ((all_a, last_a), (all_b, last_b)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    for (a, b) in all_a.iter().zip(all_b) {
        for (lane, (a, b)) in lanes.iter_mut().zip(a.iter().zip(b)) {
            *lane += f64::from(*a) * f64::from(*b);
        }
    }
    for (lane, (a, b)) in lanes.iter_mut().zip(last_a.iter().zip(last_b)) {
        *lane += f64::from(*a) * f64::from(*b);
    }
    lanes.iter().sum()
}

#[expect(clippy::cast_possible_truncation, reason = "vectors are 32 bits wide")]
fn add(sum: &mut [f32], factor: f64, of: &[f32]) {
    let pieces = sum.par_chunks_mut(PIECE).zip(of.par_chunks(PIECE));
    pieces.for_each(|(sum, of)| add_times(sum, factor as f32, of));
}

/// Multiplies a vector by a factor and, number by number, by another vector.
#[expect(clippy::cast_possible_truncation, reason = "vectors are 32 bits wide")]
fn scale(vector: &mut [f32], factor: f64, by: &[f32]) {
    let pieces = vector.par_chunks_mut(PIECE).zip(by.par_chunks(PIECE));
    pieces.for_each(|(vector, by)| {
        for (number, by) in vector.iter_mut().zip(by) {
            *number *= factor as f32 * by;
        }
    });
}

#[cfg(test)]
mod tests {
    #![expect(clippy::cast_possible_truncation, reason = "vectors are 32 bits wide")]

    use super::*;

    /// A long bent valley: plain descent needs thousands of steps.
    #[test]
    fn the_minimum_of_a_bent_valley_is_found() {
        let valley = |at: &[f32]| {
            let (x, y) = (f64::from(at[0]), f64::from(at[1]));
            let value = (1.0 - x).powi(2) + 10.0 * (y - x * x).powi(2);
            let by_x = -2.0 * (1.0 - x) - 40.0 * x * (y - x * x);
            (value, vec![by_x as f32, (20.0 * (y - x * x)) as f32])
        };
        let limits = Limits {
            n_steps: 200,
            gain: 1e-6,
        };
        let found = minimize(vec![-1.0, 1.0], &[1.0, 1.0], limits, valley);
        assert!(
            (found[0] - 1.0).abs() < 1e-2 && (found[1] - 1.0).abs() < 1e-2,
            "{found:?}"
        );
    }

    /// One variable curves a million times as much as the other; reaches make them alike.
    #[test]
    fn reaches_even_out_unlike_variables() {
        let calls = std::cell::Cell::new(0);
        let bowl = |at: &[f32]| {
            calls.set(calls.get() + 1);
            let (x, y) = (f64::from(at[0]) - 3.0, f64::from(at[1]) - 1e-3);
            let value = 1.0 + x * x / 2.0 + 1e6 * y * y / 2.0;
            (value, vec![x as f32, (1e6 * y) as f32])
        };
        let limits = Limits {
            n_steps: 100,
            gain: 1e-4,
        };
        let found = minimize(vec![0.0, 0.0], &[1.0, 1e-6], limits, bowl);
        assert!((found[0] - 3.0).abs() < 0.02, "{found:?}");
        assert!(calls.get() < 10, "{}", calls.get());
    }
}
