//! Topologies that are made.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{Link, Topology};
use crate::rng::Rng;

/// The shapes of networks. All of them are in one piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shape {
    /// One after the other.
    Line,
    /// A line with its ends joined.
    Ring,
    /// All others joined to the first: with very many sessions of one router.
    Star,
    /// Rows and columns.
    Grid,
    /// Leaves, each joined to spines.
    Clos,
    /// Routers in a square: the nearer, the likelier a link (Waxman, 1988); metrics and delays go by the
    /// distance.
    Waxman,
    /// Each new router is joined to two others, the likelier the more links those have (Barabási and
    /// Albert, 1999).
    BarabasiAlbert,
}

/// A name that no shape has.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("\"{0}\" is none of line, ring, star, grid, clos, waxman, barabasi-albert")]
pub struct ShapeError(pub String);

impl Shape {
    /// All shapes.
    pub const ALL: [Self; 7] = [
        Self::Line,
        Self::Ring,
        Self::Star,
        Self::Grid,
        Self::Clos,
        Self::Waxman,
        Self::BarabasiAlbert,
    ];

    /// Those that a seed chooses from: a star is for measuring.
    pub const CHOSEN: [Self; 6] = [
        Self::Line,
        Self::Ring,
        Self::Grid,
        Self::Clos,
        Self::Waxman,
        Self::BarabasiAlbert,
    ];

    /// The name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Line => "line",
            Self::Ring => "ring",
            Self::Star => "star",
            Self::Grid => "grid",
            Self::Clos => "clos",
            Self::Waxman => "waxman",
            Self::BarabasiAlbert => "barabasi-albert",
        }
    }

    /// A network of the shape.
    pub fn make(self, routers: usize, rng: &mut Rng) -> Topology {
        let links = match self {
            Self::Line => line(routers),
            Self::Ring => ring(routers),
            Self::Star => star(routers),
            Self::Grid => grid(routers),
            Self::Clos => clos(routers, rng),
            Self::Waxman => waxman(routers, rng),
            Self::BarabasiAlbert => barabasi_albert(routers, rng),
        };
        Topology {
            routers,
            multi_topology_id: None,
            links,
        }
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Shape {
    type Err = ShapeError;

    fn from_str(text: &str) -> Result<Self, ShapeError> {
        Self::ALL
            .into_iter()
            .find(|shape| shape.name() == text)
            .ok_or_else(|| ShapeError(text.to_owned()))
    }
}

fn line(routers: usize) -> Vec<Link> {
    (1..routers).map(|b| Link::new(b - 1, b)).collect()
}

fn ring(routers: usize) -> Vec<Link> {
    let mut links = line(routers);
    if routers > 2 {
        links.push(Link::new(routers - 1, 0));
    }
    links
}

fn star(routers: usize) -> Vec<Link> {
    (1..routers).map(|leaf| Link::new(0, leaf)).collect()
}

fn grid(routers: usize) -> Vec<Link> {
    let columns = (1..).find(|n| n * n >= routers).unwrap_or(1);
    let mut links = Vec::new();
    for router in 0..routers {
        if router % columns != 0 {
            links.push(Link::new(router - 1, router));
        }
        if router >= columns {
            links.push(Link::new(router - columns, router));
        }
    }
    links
}

/// A leaf is joined to all spines, to four of them if there are more.
fn clos(routers: usize, rng: &mut Rng) -> Vec<Link> {
    let spines = (routers / 4).clamp(1, 32);
    let mut links = Vec::new();
    for leaf in spines..routers {
        let first = rng.below(spines);
        for n in 0..spines.min(4) {
            // In any order the first spine of each leaf and the steps join all.
            links.push(Link::new((first + n) % spines, leaf));
        }
    }
    join(routers, links)
}

fn waxman(routers: usize, rng: &mut Rng) -> Vec<Link> {
    let places: Vec<(f64, f64)> = (0..routers)
        .map(|_| (rng.fraction(), rng.fraction()))
        .collect();
    let distance = |a: usize, b: usize| {
        let ((ax, ay), (bx, by)) = (places[a], places[b]);
        (ax - bx).hypot(ay - by)
    };
    let link = |a: usize, b: usize| {
        let distance = distance(a, b);
        Link {
            metric: 1 + (distance * 20.0) as u32,
            delay: 100 + (distance * 10_000.0) as u64,
            ..Link::new(a, b)
        }
    };
    let mut links = Vec::new();
    // A tree of near neighbours, so that it is in one piece.
    for b in 1..routers {
        let nearest = (0..b).min_by(|&x, &y| distance(x, b).total_cmp(&distance(y, b)));
        if let Some(a) = nearest {
            links.push(link(a, b));
        }
    }
    // About as many links again, whatever the size.
    let wanted = routers;
    let mut attempts = 0;
    while routers > 2 && links.len() < wanted * 2 && attempts < wanted * 200 {
        attempts += 1;
        let (a, b) = (rng.below(routers), rng.below(routers));
        let reach = 0.15 * std::f64::consts::SQRT_2;
        if a < b && rng.chance((-distance(a, b) / reach).exp()) {
            links.push(link(a, b));
        }
    }
    links.sort_by_key(|link| (link.a, link.b));
    links.dedup_by_key(|link| (link.a, link.b));
    links
}

fn barabasi_albert(routers: usize, rng: &mut Rng) -> Vec<Link> {
    let mut links: Vec<Link> = Vec::new();
    // Each end of each link once: a draw goes by the number of links.
    let mut ends: Vec<usize> = vec![0];
    for b in 1..routers {
        let mut chosen: Vec<usize> = Vec::new();
        for _ in 0..20 {
            let a = rng.pick(&ends).copied().unwrap_or(0);
            if !chosen.contains(&a) {
                chosen.push(a);
            }
            if chosen.len() == b.min(2) {
                break;
            }
        }
        for a in chosen {
            links.push(Link::new(a, b));
            ends.extend([a, b]);
        }
    }
    links
}

/// Adds links until all is in one piece.
fn join(routers: usize, links: Vec<Link>) -> Vec<Link> {
    let mut topology = Topology {
        routers,
        multi_topology_id: None,
        links,
    };
    loop {
        let reached = topology.piece_of(0, |_| true);
        match reached.iter().position(|reached| !reached) {
            Some(router) => topology.links.push(Link::new(0, router)),
            None => return topology.links,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shape_of_every_size_is_in_one_piece_and_without_faults() {
        for shape in Shape::ALL {
            for routers in [1, 2, 3, 5, 20, 50, 127] {
                let topology = shape.make(routers, &mut Rng::new(routers as u64, 1));
                topology.check().unwrap();
                assert_eq!(topology.routers, routers);
                let reached = topology.piece_of(0, |_| true);
                assert!(reached.iter().all(|reached| *reached), "{shape} {routers}");
            }
        }
    }

    #[test]
    fn shapes_have_the_links_that_their_names_say() {
        let count = |shape: Shape, routers| shape.make(routers, &mut Rng::new(1, 1)).links.len();
        assert_eq!(count(Shape::Line, 10), 9);
        assert_eq!(count(Shape::Ring, 10), 10);
        assert_eq!(count(Shape::Grid, 9), 12);
        assert_eq!(count(Shape::BarabasiAlbert, 100), 2 * 98 + 1);
        let waxman = count(Shape::Waxman, 100);
        assert!((150..=200).contains(&waxman), "{waxman}");
    }

    #[test]
    fn names_read_back() {
        for shape in Shape::ALL {
            assert_eq!(shape.to_string().parse(), Ok(shape));
        }
        assert!("torus".parse::<Shape>().is_err());
    }
}
