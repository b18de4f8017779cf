#!/usr/bin/env python3
"""Makes sets with a hundred values, for the size of a model and what learning it takes.

usage: hundred_values.py CORPUS OUT [N]

CORPUS has documents as docs*.jsonl.gz. Written are sets that `firstline eval triage` reads:
  OUT/weakness  advisories by the number of the weakness in their category, the 100 most frequent
  OUT/threads   N tickets (usually 100,000), every one with the cluster of the title of its thread among
                100 clusters of all titles (TF-IDF, 100 dimensions, k-means): real texts, made values
Every tenth document is for testing, and one in a thousand of the tickets. Needs scikit-learn.
"""

import collections
import glob
import gzip
import json
import os
import re
import sys

VALUES = 100


def documents(corpus):
    for path in sorted(glob.glob(os.path.join(corpus, "docs*.jsonl.gz"))):
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            yield from map(json.loads, lines)


def write(folder, rows, every):
    """Rows of text and value, the first part to learn from."""
    os.makedirs(folder, exist_ok=True)
    files = [
        open(os.path.join(folder, name + ".jsonl"), "w", encoding="utf-8") for name in ("train", "test")
    ]
    counts = [0, 0]
    for number, (document, value) in enumerate(rows):
        part = int(number % every == every - 1)
        row = {key: document.get(key, "") for key in ("id", "title", "body")}
        files[part].write(json.dumps({**row, "category": value}) + "\n")
        counts[part] += 1
    print(f"{folder}: {counts[0]} to learn from, {counts[1]} to test")


def weakness(corpus):
    named = []
    for document in documents(corpus):
        number = re.match(r"CWE-(\d+)", document.get("category") or "")
        if number:
            named.append((document, "CWE-" + number[1]))
    counts = collections.Counter(value for _, value in named)
    frequent = {value for value, _ in counts.most_common(VALUES)}
    return [row for row in named if row[1] in frequent]


def threads(corpus, n_tickets):
    from sklearn.cluster import MiniBatchKMeans
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.preprocessing import normalize

    tickets = [one for one in documents(corpus) if one["kind"] == "ticket" and one.get("title")]
    titles = sorted({ticket["title"] for ticket in tickets})
    vectors = TfidfVectorizer(sublinear_tf=True, min_df=3, stop_words="english").fit_transform(titles)
    vectors = normalize(TruncatedSVD(VALUES, random_state=1).fit_transform(vectors))
    clusters = MiniBatchKMeans(VALUES, random_state=1, n_init=1, batch_size=4096).fit_predict(vectors)
    of_title = {title: f"c{cluster:02}" for title, cluster in zip(titles, clusters)}
    # A test ticket for every 1,000 comes on top.
    n_tickets += n_tickets // 999
    return [(ticket, of_title[ticket["title"]]) for ticket in tickets[:n_tickets]]


def main():
    corpus, out = sys.argv[1:3]
    n_tickets = int(sys.argv[3]) if len(sys.argv) > 3 else 100_000
    write(os.path.join(out, "weakness"), weakness(corpus), 10)
    write(os.path.join(out, "threads"), threads(corpus, n_tickets), 1000)


main()
