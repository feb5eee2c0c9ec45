"""The one table of colours: of pictures, cards and pages.

Okabe and Ito's palette, told apart with every common kind of colour blindness: https://jfly.uni-koeln.de/color/
"""

# Its green is darkened so that white words on it are legible (contrast 5.4 : 1).
BLUE, VERMILLION, GREEN = "#0072B2", "#D55E00", "#007A5A"
FAULT = "#B54708"  # vermillion, darkened for the same reason (5.4 : 1): what is filled with it is wrong
PURPLE = "#A6568A"  # darkened, too (contrast 4.9 : 1)
# Words, the frames of what is quiet, the ground that words stand on, and the ground of code.
INK, SOFT_INK, PALE, PAPER, TINT = "#1F2933", "#52606D", "#E4E7EB", "#FFFFFF", "#F5F7FA"
