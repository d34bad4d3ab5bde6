"""What tests of figures look at: the texts of a figure, and those that overlap."""


def texts(fig):
    return [text.get_text() for ax in fig.axes for text in ax.texts]


def overlapping(fig):
    """Pairs of texts whose boxes overlap, and texts that leave the figure."""
    renderer = fig.canvas.get_renderer()
    drawn = [text for ax in fig.axes for text in ax.texts if text.get_text()]
    boxes = [text.get_window_extent(renderer) for text in drawn]
    width, height = fig.canvas.get_width_height()
    outside = [
        text.get_text()
        for text, box in zip(drawn, boxes, strict=True)
        if box.x0 < -1 or box.y0 < -1 or box.x1 > width + 1 or box.y1 > height + 1
    ]
    pairs = [
        (drawn[i].get_text(), drawn[j].get_text())
        for i in range(len(boxes))
        for j in range(i)
        if min(boxes[i].x1, boxes[j].x1) - max(boxes[i].x0, boxes[j].x0) > 1
        and min(boxes[i].y1, boxes[j].y1) - max(boxes[i].y0, boxes[j].y0) > 2
    ]
    return outside + pairs
