"""The tables, for the statements of this package. `migrations/` makes them, in SQLite and in PostgreSQL; a
test holds all three equal.

What is a fact has one home: `photos`, `answers`, `tags`, `corrections`, `persons`, `face_words`.
What is a summary of those facts, kept so that a question over a million photos is answered from an
index, is marked as such and can be computed again at any time."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    text,
)

# Every constraint has a name, so that a later migration can alter it.
metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# Compared and sorted by bytes, as SQLite does, whatever language another database is set to.
ByteOrdered = Text().with_variant(Text(collation="C"), "postgresql")
# 64 bits; SQLite's integers are.
LongInteger = BigInteger().with_variant(Integer(), "sqlite")
# Key of an index's `info`: its columns in PostgreSQL, where they differ. What is unknown sorts first there
# only if the index says so, and rows come by id among equals only if it holds the id.
IN_POSTGRESQL = "postgresql"

roots = Table(
    "roots",
    metadata,
    Column("id", Integer, primary_key=True),
    # Absolute, spelled as `paths.to_text` does. No root lies inside another.
    Column("path", ByteOrdered, nullable=False, unique=True),
)

# What the last complete scan walked; see folder_stamps.py. Computed again by the next one.
folders = Table(
    "folders",
    metadata,
    Column("root_id", ForeignKey("roots.id", ondelete="CASCADE"), primary_key=True),
    Column("path", ByteOrdered, primary_key=True),  # as of photos; '' for the root itself
    Column("listing", Text),  # digest of what was listed; none: to be listed whatever its time
    Column("listed_time", Text),  # the folder's time then; none: too young to be trusted
    sqlite_with_rowid=False,
)

photos = Table(
    "photos",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("root_id", ForeignKey("roots.id"), nullable=False),
    # relative to the root, '/' between its parts, spelled as `paths.to_text` does
    Column("path", ByteOrdered, nullable=False),
    Column("size_bytes", LongInteger, nullable=False),
    Column("mtime_ns", LongInteger, nullable=False),
    Column("content_hash", ByteOrdered),  # SHA-256 in hex; none until the bytes could be read
    Column("width", Integer),
    Column("height", Integer),
    Column("orientation", Integer),
    # local wall time as far as it is known: '1993', '1993-07', ... '1993-07-04 10:30:00'
    Column("taken_at", ByteOrdered),
    Column("taken_from", Text),  # who says so; 'file': only the file's own date
    Column("utc_offset_minutes", Integer),
    Column("latitude", Float),
    Column("longitude", Float),
    Column("camera", ByteOrdered),
    Column("missing_since", Text),  # UTC, 'YYYY-MM-DD HH:MM:SS'
    # Summaries of the answers.
    Column("faces", Integer),  # those that are certain; none: nobody has looked
    # among the eligible faces, or the person's word as 0 or 1; none: cannot tell
    Column("least_smile", Float),
    Column("greatest_smile", Float),
    Column("answered", Integer, nullable=False, server_default="0"),  # answers without error
    Column("failed", Integer, nullable=False, server_default="0"),  # answers with one
    # digest of the fingerprints for which no answer is missing; see jobs.py
    Column("complete_for", Text),
    # seconds since 1970 of the instant; of what is partly known, the middle
    Column("taken_sort", BigInteger),
    # SHA-256 of the compressed pixels, whatever is written around them; none for kinds without
    Column("pixel_hash", ByteOrdered),
    Column("ctime_ns", BigInteger),  # when the file's bytes or name were last changed, by the system
    # -- what other programs wrote, see `written`
    Column("rating", Integer),  # stars, 1 to 5; -1: rejected
    # 1: its metadata are to be read (again), from its file and those beside it; see metadata.py
    Column("metadata_due", Integer, nullable=False, server_default="1"),
    # a summary: of the certain faces in `faces`, how many count for "is everyone smiling"
    Column("eligible_faces", Integer),
    UniqueConstraint("root_id", "path"),
    # the usual order of a page, with what is asked most: a photo's row is read only if these fit
    Index(
        "ix_photos_taken_sort",
        *("taken_sort", "id", "least_smile", "eligible_faces"),
        info={IN_POSTGRESQL: ("taken_sort NULLS FIRST", "id", "least_smile", "eligible_faces")},
    ),
    Index(None, "content_hash"),
    Index(None, "pixel_hash"),
    Index(None, "size_bytes"),  # finds the known photos that a new file may be a copy of
    Index(None, "faces"),
    Index(None, "eligible_faces"),
    Index(None, "least_smile", info={IN_POSTGRESQL: ("least_smile NULLS FIRST", "id")}),
    Index(None, "greatest_smile"),
    Index("ix_photos_latitude", "latitude", sqlite_where=text("latitude IS NOT NULL")),
    Index("ix_photos_camera", "camera", sqlite_where=text("camera IS NOT NULL")),
    Index("ix_photos_missing", "missing_since", sqlite_where=text("missing_since IS NOT NULL")),
    Index("ix_photos_untagged", "answered", sqlite_where=text("answered = 0")),
    Index("ix_photos_failed", "failed", sqlite_where=text("failed > 0")),
    Index("ix_photos_rating", "rating", sqlite_where=text("rating IS NOT NULL")),
    Index("ix_photos_metadata_due", "metadata_due", sqlite_where=text("metadata_due = 1")),
)

taggers = Table(
    "taggers",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", ByteOrdered, nullable=False, unique=True),
)

fingerprints = Table(
    "fingerprints",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("fingerprint", Text, nullable=False, unique=True),  # opaque: equal or not
    Column("weights_name", Text),  # where there is a choice of weights
    # JSON: {label: score from which on these weights may be believed}; none: they state none
    Column("thresholds", Text),
)

answers = Table(
    "answers",
    metadata,
    Column("id", LongInteger, primary_key=True),  # ten million photos have sixty million, each time anew
    Column("photo_id", ForeignKey("photos.id", ondelete="CASCADE"), nullable=False),
    Column("tagger_id", ForeignKey("taggers.id"), nullable=False),
    Column("fingerprint_id", ForeignKey("fingerprints.id"), nullable=False),
    Column("content_hash", ByteOrdered),  # of the bytes that were looked at
    Column("error", Text),
    UniqueConstraint("photo_id", "tagger_id"),
    Index("ix_answers_fingerprint", "tagger_id", "fingerprint_id"),
    Index("ix_answers_failed", "tagger_id", "fingerprint_id", sqlite_where=text("error IS NOT NULL")),
)

labels = Table(
    "labels",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", ByteOrdered, nullable=False, unique=True),
)

# Clustered by answer: a photo's tags are read as one run of pages, and ten million rows need no second index.
tags = Table(
    "tags",
    metadata,
    Column("answer_id", ForeignKey("answers.id", ondelete="CASCADE"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("label_id", ForeignKey("labels.id"), nullable=False),
    Column("score", Float, nullable=False),
    Column("box_left", Float),
    Column("box_top", Float),
    Column("box_right", Float),
    Column("box_bottom", Float),
    Column("points", Text),  # JSON: [[x, y], ...]
    sqlite_with_rowid=False,
)

# Beside the tags of the same answer and position, whose boxes are the faces'. In a table of their own, so
# that whoever reads tags does not read them, and one statement removes them all.
embeddings = Table(
    "embeddings",
    metadata,
    Column("answer_id", ForeignKey("answers.id", ondelete="CASCADE"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("numbers", LargeBinary, nullable=False),  # 128 half floats, low byte first
    sqlite_with_rowid=False,
)

# The groups that faces make by their embeddings, and whose they are. A number never means another group:
# the row of one that has no faces any more stays.
face_groups = Table(
    "face_groups",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("person_id", ForeignKey("persons.id")),  # a summary: whose name its faces bear
    Index(None, "person_id"),
)

# Every face that has an embedding; its group is computed again by the next grouping. `tie` is a person's
# word about faces that bear no name: those of one tie are one person, those of two ties are two.
face_group_members = Table(
    "face_group_members",
    metadata,
    Column("photo_id", ForeignKey("photos.id", ondelete="CASCADE"), primary_key=True),
    Column("box_left", Float, primary_key=True),
    Column("box_top", Float, primary_key=True),
    Column("box_right", Float, primary_key=True),
    Column("box_bottom", Float, primary_key=True),
    Column("number", ForeignKey("face_groups.number")),  # none: in no group
    Column("tie", Integer),
    Index(None, "number"),
    sqlite_with_rowid=False,
)

corrections = Table(
    "corrections",
    metadata,
    Column("photo_id", ForeignKey("photos.id", ondelete="CASCADE"), primary_key=True),
    Column("label_id", ForeignKey("labels.id"), primary_key=True),
    Column("present", Integer, nullable=False),  # 1: it is in the photo, 0: it is not
    CheckConstraint("present IN (0, 1)", name="present"),
    sqlite_with_rowid=False,
)

# A summary: one row per photo and label, corrections applied. Clustered by label, so that `dog`
# reads one run of pages.
photo_labels = Table(
    "photo_labels",
    metadata,
    Column("label_id", ForeignKey("labels.id"), primary_key=True),
    Column("photo_id", ForeignKey("photos.id", ondelete="CASCADE"), primary_key=True),
    Column("tagger_id", ForeignKey("taggers.id")),  # whose word it is; none: the user's
    Column("count", Integer, nullable=False),
    Column("score", Float, nullable=False),  # the best
    # of the picture, the largest box; 1 for what is said of the whole photo
    Column("share", Float, nullable=False),
    # score times the root of the share: a portrait before a dot in the distance
    Column("rank", Float, nullable=False),
    Index("ix_photo_labels_rank", "label_id", "rank", "photo_id", "score"),
    # for each photo that is deleted PostgreSQL looks for the rows that refer to it
    Index("ix_photo_labels_photo_id", "photo_id").ddl_if(dialect="postgresql"),
    sqlite_with_rowid=False,
)

persons = Table(
    "persons",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", ByteOrdered, nullable=False),
    # what is the same for every spelling of the name, see phototag.query.terms.fold
    Column("name_key", ByteOrdered, nullable=False, unique=True),
    Column("uid", Text, nullable=False, unique=True),  # UUID in hex: who is who when catalogs merge
)

# What a person said of faces. They hang on the photo's content and a box, never on a row of
# photos, answers or tags, so that they outlive scans, weights and moves.
face_words = Table(
    "face_words",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("identity", ByteOrdered, nullable=False),  # the photo's pixel_hash, else its content_hash
    Column(
        "orientation", Integer, nullable=False
    ),  # the photo's EXIF orientation when it was said, 1 if none
    Column("box_left", Float, nullable=False),
    Column("box_top", Float, nullable=False),
    Column("box_right", Float, nullable=False),
    Column("box_bottom", Float, nullable=False),
    Column("kind", Text, nullable=False),  # one of phototag.faces.WordKind
    Column("person_id", ForeignKey("persons.id")),  # of 'person' and 'not_person'
    Column("at", Text, nullable=False),  # UTC, 'YYYY-MM-DD HH:MM:SS'
    Index(None, "identity"),
    Index(None, "person_id"),
)

# The journal of what a person said and decided, of whatever kind; see journal.py.
changes = Table(
    "changes",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("at", Text, nullable=False),  # UTC, 'YYYY-MM-DD HH:MM:SS'
    Column("summary", Text, nullable=False),  # one sentence
    Column("steps", Text, nullable=False),  # JSON: what undoes it
    Column("undone_at", Text),
)

# A summary: one row per person and photo.
photo_persons = Table(
    "photo_persons",
    metadata,
    Column("person_id", ForeignKey("persons.id"), primary_key=True),
    Column("photo_id", ForeignKey("photos.id", ondelete="CASCADE"), primary_key=True),
    Column("faces", Integer, nullable=False),  # 0: named in the photo, but no face is
    # the best smile among the person's faces, or the user's word as 0 or 1; none: cannot tell
    Column("smile", Float),
    Column("source", Text, nullable=False),  # who says so: 'word', 'sidecar', 'embedded', 'group'
    Column("certain", Integer, nullable=False),  # 0: a guess of the grouping
    Index(None, "photo_id"),
    sqlite_with_rowid=False,
)

# The files beside photos, as the last scan saw them: where one has changed, the photos that it may
# speak of are read again.
sidecars = Table(
    "sidecars",
    metadata,
    Column("root_id", ForeignKey("roots.id", ondelete="CASCADE"), primary_key=True),
    Column("folder", ByteOrdered, primary_key=True),  # as of folders; '' for the root itself
    Column("name", ByteOrdered, primary_key=True),
    Column("size_bytes", LongInteger, nullable=False),
    Column("mtime_ns", LongInteger, nullable=False),
    sqlite_with_rowid=False,
)

# What other programs wrote about photos, in their files and beside them, as far as it is believed: see
# phototag.metadata. Only of photos of which something is written; its stars are in `photos`.
written = Table(
    "written",
    metadata,
    Column("photo_id", ForeignKey("photos.id", ondelete="CASCADE"), primary_key=True),
    Column("color_label", ByteOrdered),
    Column("title", ByteOrdered),
    Column("description", ByteOrdered),
    # title and description, a line end between them, as phototag.query.terms.fold spells them
    Column("folded_text", ByteOrdered),
    Column("sources", Text, nullable=False),  # JSON: field -> whose word it is
)

keywords = Table(
    "keywords",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", ByteOrdered, nullable=False, unique=True),  # '|' between its levels
)

# The labels that a keyword's levels are: a plain word finds keywords too.
keyword_labels = Table(
    "keyword_labels",
    metadata,
    Column("keyword_id", ForeignKey("keywords.id", ondelete="CASCADE"), primary_key=True),
    Column("label_id", ForeignKey("labels.id"), primary_key=True),
    sqlite_with_rowid=False,
)

photo_keywords = Table(
    "photo_keywords",
    metadata,
    Column("photo_id", ForeignKey("photos.id", ondelete="CASCADE"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("keyword_id", ForeignKey("keywords.id"), nullable=False),
    Index("ix_photo_keywords_keyword", "keyword_id", "photo_id"),
    sqlite_with_rowid=False,
)

# Whom other programs name in photos, with the face's box in the upright photo or without one.
regions = Table(
    "regions",
    metadata,
    Column("photo_id", ForeignKey("photos.id", ondelete="CASCADE"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("person_id", ForeignKey("persons.id"), nullable=False),
    Column("source", Text, nullable=False),  # 'sidecar', 'picasa', 'takeout', 'embedded'
    Column("box_left", Float),
    Column("box_top", Float),
    Column("box_right", Float),
    Column("box_bottom", Float),
    Index(None, "person_id"),
    sqlite_with_rowid=False,
)

albums = Table(
    "albums",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", ByteOrdered, nullable=False, unique=True),
    Column("theme", Text, nullable=False),
    Column("query", Text, nullable=False),
    Column("created_at", Text, nullable=False),  # UTC, 'YYYY-MM-DD HH:MM:SS'
)

album_photos = Table(
    "album_photos",
    metadata,
    Column("album_id", ForeignKey("albums.id", ondelete="CASCADE"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("photo_id", ForeignKey("photos.id", ondelete="CASCADE"), nullable=False),
    Column("reason", Text, nullable=False),
    Column("score", Float, nullable=False),
    UniqueConstraint("album_id", "photo_id"),
    sqlite_with_rowid=False,
)

# The towns and countries where photos were taken.
places = Table(
    "places",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("code", ByteOrdered, nullable=False, unique=True),  # 'town 3169070', 'country IT'
    Column("name", ByteOrdered, nullable=False),
    Column("country", ByteOrdered, nullable=False),
)

# What they are called, in every language, folded as labels are.
place_names = Table(
    "place_names",
    metadata,
    Column("name_key", ByteOrdered, primary_key=True),
    Column("place_id", ForeignKey("places.id", ondelete="CASCADE"), primary_key=True),
    sqlite_with_rowid=False,
)

# A summary: follows from the photo's position and the gazetteer.
photo_places = Table(
    "photo_places",
    metadata,
    Column("place_id", ForeignKey("places.id", ondelete="CASCADE"), primary_key=True),
    Column("photo_id", ForeignKey("photos.id", ondelete="CASCADE"), primary_key=True),
    Column("position", Integer, nullable=False),  # 0: the one to name first
    Index(None, "photo_id"),
    sqlite_with_rowid=False,
)

# What a photo looks like, for as long as its bytes are the same; see phototag.duplicates.
perceptual_hashes = Table(
    "perceptual_hashes",
    metadata,
    Column("photo_id", ForeignKey("photos.id", ondelete="CASCADE"), primary_key=True),
    Column("content_hash", Text, nullable=False),
    Column("bits", LongInteger, nullable=False),  # 64 of them, as a signed number
)

# For which position, and by which gazetteer, a photo's places were found.
located_photos = Table(
    "located_photos",
    metadata,
    Column("photo_id", ForeignKey("photos.id", ondelete="CASCADE"), primary_key=True),
    Column("latitude", Float, nullable=False),
    Column("longitude", Float, nullable=False),
    Column("gazetteer", Text, nullable=False),
)

# What holds for the whole catalog: 'smile_rules', the version of phototag.smiling that the smiles
# in `photos` were decided by; 'metadata_rules', the version by which metadata were read, see metadata.py.
meta = Table(
    "meta",
    metadata,
    Column("key", Text, primary_key=True),
    Column("value", Text, nullable=False),
    sqlite_with_rowid=False,
)
