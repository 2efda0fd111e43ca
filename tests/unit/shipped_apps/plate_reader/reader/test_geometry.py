"""Boxes and perspective: overlaps, and a transform that maps the corners."""

import numpy as np

from sealgrid.shipped_apps.plate_reader.reader.detector import distinct_boxes
from sealgrid.shipped_apps.plate_reader.reader.geometry import homography, overlap, rectangle

BOXES = np.array([(0, 0, 10, 10), (0, 0, 10, 5), (20, 20, 30, 30)], float)


def test_the_overlap_is_intersection_over_union():
    assert overlap(BOXES[0], BOXES).tolist() == [1.0, 0.5, 0.0]


def test_a_homography_maps_each_corner():
    target = np.array([(5, 5), (20, 6), (18, 22), (4, 19)], float)
    points = np.column_stack((rectangle(10, 8), np.ones(4))) @ homography(rectangle(10, 8), target).T
    assert np.allclose(points[:, :2] / points[:, 2:], target)


def test_of_two_boxes_that_overlap_the_one_with_the_higher_score_is_kept():
    assert distinct_boxes(BOXES, np.array([0.7, 0.9, 0.8])) == [1, 2]
