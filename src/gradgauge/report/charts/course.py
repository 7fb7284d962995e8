"""Every step: when the loss begins to fall, and when the gradient reaches the first layer."""

from __future__ import annotations

from collections.abc import Sequence

from gradgauge.messages.catalog import sentence
from gradgauge.report.charts.chart import Chart, Spec
from gradgauge.report.charts.draw import chart, foot_rows, linear_scale, lines, log_scale, y_axis
from gradgauge.report.charts.rows import Row, figure, of, picked, trained
from gradgauge.report.words.numbers import number
from gradgauge.run import Run
from gradgauge.study.by_layer import step_course, step_losses
from gradgauge.study.compare.result import Comparison

_QUANTITIES = ("step_loss", "first_weight_grad_norm")
_MOST_STEPS = 240
_HEIGHT = 180


def course_data(comparison: Comparison) -> list[Row]:
    """The training batches' loss and layer 1's weight_grad_norm by step, counted from 1; evenly
    picked steps of a long training."""
    rows = [row for name, run in trained(comparison) for row in step_rows(name, run)]
    own = [name for name, run in trained(comparison) if not run.notation]
    return [row for row in rows if row["network"] not in own or row["value"] is not None]


def step_rows(name: str, run: Run) -> list[Row]:
    """The rows of one Run."""
    steps = run.groups["steps"].coords["step"]
    courses = {
        "step_loss": step_losses(run),
        "first_weight_grad_norm": step_course(run, "weight_grad_norm", 1),
    }
    made = int(run.figure("steps_done").max())
    places = [i for i in picked(len(steps), _MOST_STEPS) if steps[i] < made]
    return [
        {"network": name, "quantity": quantity, "step": int(steps[i]) + 1, **figure(values[i])}
        for quantity, values in courses.items()
        for i in places
    ]


def course_chart(rows: Sequence[Row], lang: str) -> Spec:
    """Loss on the left, gradient on the right."""
    last = max((row["step"] for row in rows), default=1)
    x = {
        "field": "step",
        "type": "quantitative",
        "scale": {"domain": [1, max(last, 2)], "nice": False, "zero": False, "padding": 6},
        "axis": {
            "grid": False,
            "tickCount": 6,
            "format": "d",
            "title": sentence("report.axis.step", lang),
        },
    }
    linear, loss_axis = linear_scale(row["value"] for row in of(rows, quantity="step_loss"))
    gradients = of(rows, quantity="first_weight_grad_norm")
    log, axis = log_scale((row["plotted"] for row in gradients), foot=foot_rows(gradients))
    y = {
        "step_loss": {
            "field": "value",
            "type": "quantitative",
            "scale": linear,
            "axis": y_axis(loss_axis),
        },
        "first_weight_grad_norm": {
            "field": "plotted",
            "type": "quantitative",
            "scale": log,
            "axis": y_axis(axis),
        },
    }
    return chart(
        rows,
        [
            lines(
                rows,
                x,
                y[q],
                {"quantity": q},
                lang,
                title=sentence(f"report.panel.{q}", lang),
                height=_HEIGHT,
            )
            for q in _QUANTITIES
            if of(rows, quantity=q)
        ],
    )


def describe_course(comparison: Comparison, lang: str) -> str:
    """First and last step of every network."""
    told = [sentence("report.chart.course.alt", lang)]
    rows = course_data(comparison)
    for name, _ in trained(comparison):
        loss = of(rows, network=name, quantity="step_loss")
        gradient = of(rows, network=name, quantity="first_weight_grad_norm")
        if loss and gradient:
            told.append(
                sentence(
                    "report.chart.course.alt_network",
                    lang,
                    name=name,
                    loss_first=loss[0]["shown"],
                    loss_last=loss[-1]["shown"],
                    first=gradient[0]["shown"],
                    last=gradient[-1]["shown"],
                    step=number(loss[-1]["step"], 6),
                )
            )
    return " ".join(told)


COURSE = Chart(
    "course", course_data, course_chart, "step", ("quantity", "network"), describe_course
)
