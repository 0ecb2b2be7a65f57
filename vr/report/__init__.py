"""What a run is worth, as one page that needs nothing else; or several runs, side by side.

run directory and images → charts, thumbnails, confusions, sentences → page
"""
