//! A plot as SVG in the page. Its colours come from the style sheet, so they follow the reader's light or dark mode.

use kuva::backend::svg::SvgBackend;
use kuva::plot::{LinePlot, ScatterPlot};
use kuva::render::layout::Layout;
use kuva::render::plots::Plot;
use kuva::render::render::{Primitive, render_multiple};
use kuva::render::theme::Theme;
use maud::{Markup, PreEscaped, html};
use metrics::significance::Interval;

/// The width and height in pixels: small enough that letters stay readable where a phone shows the whole plot.
const SIZE: (f64, f64) = (440.0, 300.0);
/// The number of series colours in the style sheet.
const COLOURS: usize = 6;
/// The most points of a line; a screen shows no more.
const POINTS: usize = 500;

pub(super) struct Chart {
    /// Unique in the page.
    pub(super) id: &'static str,
    pub(super) title: String,
    /// A description in words, for readers who cannot see the plot.
    pub(super) summary: String,
    pub(super) x: Axis,
    pub(super) y: Axis,
    pub(super) series: Vec<Series>,
}

pub(super) struct Axis {
    pub(super) name: &'static str,
    pub(super) range: Range,
}

#[derive(Clone, Copy)]
pub(super) enum Range {
    /// An axis from 0 to 1.
    Unit,
    /// An axis over the range of the points.
    Data,
}

pub(super) struct Series {
    pub(super) name: String,
    pub(super) points: Vec<(f64, f64)>,
    pub(super) mark: Mark,
}

pub(super) enum Mark {
    Line,
    Dots,
    /// Dots, joined by a line.
    Joined,
    /// Dots with an interval each, joined by a line.
    Intervals(Vec<Interval>),
    /// A dashed reference line, such as that of a random or a perfect model.
    Reference,
}

impl Series {
    /// A line through at most [`POINTS`] of `points`.
    pub(super) fn line(name: impl Into<String>, points: Vec<(f64, f64)>) -> Series {
        Series { name: name.into(), points: thin(points), mark: Mark::Line }
    }

    /// The reference line from (`low`, `low`) to (`high`, `high`).
    pub(super) fn diagonal(name: impl Into<String>, low: f64, high: f64) -> Series {
        Series { name: name.into(), points: vec![(low, low), (high, high)], mark: Mark::Reference }
    }

    fn plots(&self, colour: &str) -> Vec<Plot> {
        let points = || self.points.iter().copied();
        let line =
            |colour: &str| LinePlot::new().with_data(points()).with_color(colour).with_stroke_width(2.0);
        let dots = || ScatterPlot::new().with_data(points()).with_color(colour);
        match &self.mark {
            Mark::Line => vec![line(colour).into()],
            Mark::Dots => vec![dots().with_size(2.5).with_marker_opacity(0.5).into()],
            Mark::Joined => vec![line(colour).into(), dots().with_size(4.0).into()],
            Mark::Intervals(intervals) => {
                let arms =
                    points().zip(intervals).map(|((_, y), interval)| (y - interval.low, interval.high - y));
                vec![line(colour).into(), dots().with_size(4.0).with_y_err_asymmetric(arms).into()]
            }
            Mark::Reference => vec![line("var(--muted)").with_stroke_width(1.5).with_dashed().into()],
        }
    }
}

impl Chart {
    pub(super) fn figure(&self) -> Markup {
        let view = format!("0 0 {} {}", SIZE.0, SIZE.1);
        let label = format!("{}. {}", self.title, self.summary);
        html! {
            figure {
                figcaption { (self.title) }
                @if self.series.len() > 1 { (self.legend()) }
                svg viewBox=(view) role="img" aria-label=(label) { (PreEscaped(self.drawing())) }
                p { (self.summary) }
            }
        }
    }

    fn legend(&self) -> Markup {
        html! { ul.legend { @for (series, colour) in self.coloured() {
            @let class = match series.mark { Mark::Reference => "reference", _ => "mark" };
            li { i class=(class) style={ "color:" (colour) } {} (series.name) }
        } } }
    }

    /// Each series with its colour. All reference lines have the same one.
    fn coloured(&self) -> impl Iterator<Item = (&Series, String)> {
        let mut used = 0;
        self.series.iter().map(move |series| {
            if let Mark::Reference = series.mark {
                return (series, "var(--muted)".to_owned());
            }
            let colour = format!("var(--series-{})", used % COLOURS);
            used += 1;
            (series, colour)
        })
    }

    /// The content of the `svg` element.
    fn drawing(&self) -> String {
        let plots: Vec<Plot> = self.coloured().flat_map(|(series, colour)| series.plots(&colour)).collect();
        let layout = self.layout(&plots);
        let mut scene = render_multiple(plots, layout);
        scene.background_color = None;
        let clip_id = scene.elements.iter().find_map(|element| match element {
            Primitive::ClipStart { id, .. } => Some(id.clone()),
            _ => None,
        });
        let mut svg = SvgBackend::new().render_scene(&scene);
        if let Some(id) = clip_id {
            // kuva numbers the charts of the process, and a page must not depend on earlier charts.
            svg = svg.replace(&id, &format!("{}-area", self.id));
        }
        let inside = svg.split_once('>').and_then(|(_, rest)| rest.rsplit_once("</svg>"));
        inside.map_or_else(String::new, |(inside, _)| inside.to_owned())
    }

    fn layout(&self, plots: &[Plot]) -> Layout {
        let theme = Theme {
            background: "none".into(),
            axis_color: "var(--muted)".into(),
            grid_color: "var(--grid)".into(),
            tick_color: "var(--muted)".into(),
            text_color: "var(--ink)".into(),
            ..Theme::light()
        };
        let mut layout = Layout::auto_from_plots(plots)
            .with_theme(theme)
            .with_width(SIZE.0)
            .with_height(SIZE.1)
            .with_label_size(14)
            .with_tick_size(13)
            .with_ticks(5)
            .with_x_label(self.x.name)
            .with_y_label(self.y.name);
        if let Range::Unit = self.x.range {
            layout = layout.with_x_axis_min(0.0).with_x_axis_max(1.0);
        }
        if let Range::Unit = self.y.range {
            layout = layout.with_y_axis_min(0.0).with_y_axis_max(1.0);
        }
        layout
    }
}

/// At most [`POINTS`] of the points, evenly spaced, with the first and the last.
fn thin(points: Vec<(f64, f64)>) -> Vec<(f64, f64)> {
    if points.len() <= POINTS {
        return points;
    }
    let last = points.len() - 1;
    (0..POINTS).map(|place| points[place * last / (POINTS - 1)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_line_keeps_its_ends() {
        let points: Vec<(f64, f64)> = (0..5001).map(|step| (f64::from(step), 0.0)).collect();
        let thinned = thin(points.clone());
        assert_eq!((thinned.len(), thinned[0], thinned[POINTS - 1]), (POINTS, points[0], points[5000]));
        assert!(thinned.is_sorted_by(|left, right| left.0 < right.0));
        assert_eq!(thin(points[..500].to_vec()).len(), 500);
    }

    fn chart(name: &str, points: &[(f64, f64)]) -> String {
        let chart = Chart {
            id: "a",
            title: "A <b>".into(),
            summary: "From 0 to 1.".into(),
            x: Axis { name: "step", range: Range::Data },
            y: Axis { name: "loss", range: Range::Unit },
            series: vec![Series::line(name, points.to_vec()), Series::diagonal("chance", 0.0, 1.0)],
        };
        chart.figure().into_string()
    }

    #[test]
    fn a_figure_is_the_same_each_time_it_is_drawn() {
        let points = [(0.0, 0.1), (1.0, 0.9)];
        let first = chart("<i>", &points);
        assert_eq!(first, chart("<i>", &points));
        for part in [
            "id=\"a-area\"",
            "url(#a-area)",
            "role=\"img\"",
            "A &lt;b&gt;. From 0 to 1.",
            "&lt;i&gt;",
            "var(--series-0)",
            "step",
            "chance",
        ] {
            assert!(first.contains(part), "{first}\nlacks {part}");
        }
        assert!(!first.contains("<i>\"") && !first.contains("http"), "{first}");
    }

    #[test]
    fn charts_of_few_points_are_drawn() {
        chart("none", &[]);
        chart("one", &[(3.0, 0.5)]);
        chart("flat", &[(0.0, 0.5), (1.0, 0.5)]);
    }
}
