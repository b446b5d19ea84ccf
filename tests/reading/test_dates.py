from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phototag.reading.dates import (
    Moment,
    file_date,
    is_default_clock,
    name_date,
    parse_date,
    parse_offset,
    parse_text,
    sort_key,
)

NOW = datetime(2026, 11, 27, 12)


@pytest.mark.parametrize(
    ("stated", "known"),
    [
        ("2016:05:04 03:02:01", "2016-05-04 03:02:01"),
        ("2016-05-04T03:02:01.123", "2016-05-04 03:02:01"),
        ("2016.05.04 03:02:01", "2016-05-04 03:02:01"),
        ("2016/05/04 03:02:01\0\0junk", "2016-05-04 03:02:01"),
        ("2016: 5: 4  3: 2: 1", "2016-05-04 03:02:01"),
        ("2016:5:4 3:02:01", "2016-05-04 03:02:01"),
        ("2016:05:04 03:02:01 PM", "2016-05-04 15:02:01"),
        ("2016:05:04 12:02:01 am", "2016-05-04 00:02:01"),
        ("2016:05:04 24:00:00", "2016-05-04 00:00:00"),  # midnight of the day that is named
        ("2016:06:30 23:59:60", "2016-06-30 23:59:59"),  # a leap second
        ("20160504T030201", "2016-05-04 03:02:01"),
        ("20160504 030201+0200", "2016-05-04 03:02:01"),
        ("20160504", "2016-05-04"),
        ("20160500", "2016-05"),
        ("20160000", "2016"),
        ("2016:05:04 03:02", "2016-05-04 03:02"),
        ("2016:05:04", "2016-05-04"),
        ("2016:05:04   :  :  ", "2016-05-04"),
        ("2016:05:04 99:99:99", "2016-05-04"),  # the day is stated all the same
        ("2016:05", "2016-05"),
        ("2016:05:00 00:00:00", "2016-05"),
        ("2016:05:  00:00:00", "2016-05"),
        ("2016:05:   10:00:00", "2016-05"),
        ("2016", "2016"),
        ("2016:00:00 12:00:00", "2016"),
        ("2016:  :     :  :  ", "2016"),
        ("1970", "1970"),  # somebody typed it: no clock says a year alone
        ("1840:05:04", "1840-05-04"),
        ("1993-07-XX", "1993-07"),
        ("1993-XX-XX", "1993"),
        ("1993-07-??", "1993-07"),
        ("1993?", "1993"),
        ("1993-W27", "1993"),
        # doubted or nearly so: what is a size coarser; of a year nothing is
        ("1993-07-04?", "1993-07"),
        ("1993-07 (?)", "1993"),
        ("ca. July 1993", "1993"),
        ("etwa 04.07.1993", "1993-07"),
        ("1993-07-04 10:30 ca.", "1993-07"),
        # a range: what both ends have in common
        ("1993-07/1993-09", "1993"),
        ("1993/1993-09", "1993"),
        ("1993-07-04/1993-07-06", "1993-07"),
        ("1993/7/4 - 1993/7/6", "1993-07"),
        ("4.7.1993 - 6.7.1993", "1993-07"),
        ("24/12/2016-26/12/2016", "2016-12"),
        ("July 4, 1993 to July 6, 1993", "1993-07"),
        ("1993-07-04T10:00/1993-07-04T12:00", "1993-07-04"),
        # no ranges
        ("1993-1993", "1993"),
        ("20161224 1930", "2016-12-24 19:30"),
        ("2016:12:24 2010", "2016-12-24 20:10"),
        ("2016:12:24 19:30:12+1300", "2016-12-24 19:30:12"),
        ("2016:12:24 19:30:12-1100", "2016-12-24 19:30:12"),
        ("July 1993", "1993-07"),
        ("June, 1993", "1993-06"),
        ("06:01:1998", "1998"),
        ("24:12:2016 18:30:12", "2016-12-24 18:30:12"),
        ("1993:00:04", "1993"),  # a day of no month
        ("1993:07:04 10", "1993-07-04"),  # an hour, but not 1 o'clock
        ("1993:07:04 10:", "1993-07-04"),
        ("1993:07:04 10.30.15", "1993-07-04 10:30:15"),
        ("1993:07:04 10-30-15", "1993-07-04 10:30:15"),
        ("1993:07:04 10h30", "1993-07-04 10:30"),
        ("1993:07:04:10:30:15", "1993-07-04 10:30:15"),
        ("1993:07:04_10:30:15", "1993-07-04 10:30:15"),
        ("19930704 10:30:15", "1993-07-04 10:30:15"),
        ("1993:07:04 -1:00:00", "1993-07-04"),
        ("1993:07:04 13:30:00 PM", "1993-07-04 13:30:00"),  # half past one, said twice
        ("1993:07:04 13:30:00 AM", "1993-07-04"),
        ("1993:07:04 00:30:00 PM", "1993-07-04"),
        ("1993-07-04t10:30:15z", "1993-07-04 10:30:15"),
        ("1993_07_04_10_30_15", "1993-07-04 10:30:15"),
        ("1993:07:04 10:30:15\u00ff\u00ff", "1993-07-04 10:30:15"),
        ("1993:07:04 10:30:15abc", "1993-07-04 10:30:15"),
        ("1993:07:04 10:30 amber", "1993-07-04 10:30"),
        ('"1993:07:04 10:30:15"', "1993-07-04 10:30:15"),
        ("1993年7月4日 10:30:15", "1993-07-04 10:30:15"),
        ("1993년 7월 4일", "1993-07-04"),
        ("1993年7月", "1993-07"),
        ("１９９３：０７：０４ １０：３０：１５", "1993-07-04 10:30:15"),
        ("١٩٩٣:٠٧:٠٤ ١٠:٣٠:١٥", "1993-07-04 10:30:15"),
        ("\ufeff1993:07:04 10:30:15", "1993-07-04 10:30:15"),
        ("04.07.1993 10:30", "1993-07-04 10:30"),
        ("25/12/1993", "1993-12-25"),
        ("12/25/1993 6:30 PM", "1993-12-25 18:30"),
        ("07/07/1993", "1993-07-07"),
        ("04/07/1993", "1993"),  # July or April
        ("Sun Jul  4 10:30:15 1993", "1993-07-04 10:30:15"),
        ("Sat 24 Dec 2016 06:30:12 PM CET", "2016-12-24 18:30:12"),
        ("Sat Dec 24 18:30:12 CET 2016", "2016-12-24 18:30:12"),
        ("December 24, 2016 6:30 PM", "2016-12-24 18:30"),
        ("24 Dec 2016", "2016-12-24"),
    ],
)
def test_what_is_stated_is_kept_and_nothing_else(stated, known):
    moment = parse_date(stated, NOW)
    assert moment is not None and moment.text == known
    assert parse_text(known).text == known


@pytest.mark.parametrize(
    "stated",
    [
        "",
        "    :  :     :  :  ",
        "0000:00:00 00:00:00",
        "2016:02:30 10:00:00",
        "2016:13:01 10:00:00",
        "1812:05:04 00:00:00",
        "2099:01:01 00:00:00",
        "1970:01:01 05:30:00",  # an epoch in another time zone
        "1979:12:31 19:00:00",
        "1904:01:01 00:00:00",
        "20:05:04 03:02:01",
        "yesterday",
        "1482600612",
        "20161224183012345",
        "1994:02:29",
        "2559:05:04 10:00:00",  # the Buddhist calendar
        "31/31/1993",
        "35.07.1993",
        "24 Foo 2016",
        "1999:11:30 00:00:00",  # what PHP makes of zeros
        "1899-12-30T00:00:00",  # what OLE makes of 0
        "-1993-07-04",
        "ca.",
        "~ ",
        "circa\n",
        "ca. 1993",
        "circa 1993",
        "~1993",
        "1993~",
        "1993 (ca.)",
        "around Christmas",
        "c:1993",
        "1941/1945",
        "1990-1995",
        "1941 \u2013 1945",
        "1993 or 1994",
        "1993, 1994",
        "1999/2000",
        "1993-12-31T23:00:00/1994-01-01T01:00:00",
        "1990s",
        "1990er Jahre",
        "199X",
        "199u",
        "1993/..",
        "1993/",
        "before 1945",
    ],
)
def test_what_is_no_date_or_cannot_be_one(stated):
    assert parse_date(stated, NOW) is None


@given(
    st.datetimes(datetime(1830, 1, 1), datetime(2026, 1, 1)),
    st.sampled_from([":", "-", ".", "/"]),
    st.sampled_from([" ", "T", "  "]),
)
def test_every_whole_date_is_read_as_it_is_written(moment, between, gap):
    moment = moment.replace(microsecond=0)
    found = parse_date(f"{moment.year:04}{between}{moment:%m}{between}{moment:%d}{gap}{moment:%H:%M:%S}", NOW)
    assert found is None or found.start == moment
    assert found is not None or any(
        abs(moment - epoch) <= timedelta(hours=14)
        for epoch in (datetime(1904, 1, 1), datetime(1970, 1, 1), datetime(1980, 1, 1), datetime(1980, 1, 6))
    )


@given(st.text(st.sampled_from("0123456789:-./ TZ+PMx\0"), max_size=30))
def test_no_text_breaks_it_and_what_it_says_was_stated(text):
    moment = parse_date(text, NOW)
    if moment is not None:
        assert text.split("\0")[0].strip().startswith(f"{moment.start.year:04}")
        assert moment.start <= moment.middle < moment.end
        assert parse_text(moment.text).start == moment.start


WORDS = (
    "1993",
    "93",
    "07",
    "4",
    "ca.",
    "~",
    "?",
    "(?)",
    "1990s",
    "to",
    "or",
    "..",
    "July",
    "10:30",
    "T",
    "Z",
    "\u0663",
)


@given(st.lists(st.sampled_from([*WORDS, *" -/:;,[](+"]), max_size=12))
def test_no_words_of_doubt_break_it(words):
    moment = parse_date("".join(words), NOW)
    assert moment is None or moment.start <= moment.middle < moment.end


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        *(
            ("+02:00", 120),
            ("-09:30", -570),
            ("+14:00", 840),
            ("+0530", 330),
            ("-7", -420),
            ("Z", 0),
            ("", None),
        ),
        *(("+15:00", None), ("+05:75", None), ("02:00", None), ("+2:0x", None)),
    ],
)
def test_offsets(text, minutes):
    assert parse_offset(text) == minutes


def test_the_offset_behind_a_date_belongs_to_it():
    assert parse_date("2016-05-04T03:02:01+02:00", NOW).offset_minutes == 120
    assert parse_date("2016:05:04 03:02:01Z", NOW).offset_minutes == 0
    assert parse_date("2016-05-04t03:02:01z", NOW).offset_minutes == 0
    assert parse_date("2016-05-04T03:02:01\u221205:00", NOW).offset_minutes == -300
    assert parse_date("2016-05-04T03:02:01Zulu", NOW).offset_minutes is None
    assert parse_date("2016:05:04 03:02:01 UTC+2", NOW).offset_minutes == 120
    assert parse_date("2016-05-04T03:02-09:30", NOW).offset_minutes == -570
    assert parse_date("24 Dec 2016 18:30:12 +0100", NOW).offset_minutes == 60
    assert parse_date("2016-05-04+02:00", NOW).offset_minutes is None  # of a day there is no instant
    assert parse_date("2016:05:04 03:02:01", NOW).offset_minutes is None


def test_what_is_partly_known_stands_in_its_middle():
    assert Moment(datetime(1993, 1, 1), "year").middle == datetime(1993, 7, 2, 12)
    assert Moment(datetime(1993, 12, 1), "month").middle == datetime(1993, 12, 16, 12)
    assert Moment(datetime(1993, 7, 4), "day").middle == datetime(1993, 7, 4, 12)
    assert Moment(datetime(1993, 7, 4, 10, 30), "minute").middle == datetime(1993, 7, 4, 10, 30, 30)


@pytest.mark.parametrize(
    "mtime",
    [
        0,
        1,
        -1,
        -86400,
        2**31 - 1,
        2**32 - 1,
        1e20,
        datetime(1980, 1, 1).timestamp(),
        (NOW + timedelta(days=3)).timestamp(),
    ],
)
def test_file_times_that_are_none(mtime):
    assert file_date(mtime, NOW) is None


def test_a_file_time():
    assert file_date(datetime(2014, 5, 13, 18, 53, 20).timestamp() + 0.7, NOW) == Moment(
        datetime(2014, 5, 13, 18, 53, 20)
    )


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("IMG-20161224-WA0014.jpg", "2016-12-24"),
        ("VID-20161224-WA0014.mp4.jpg", "2016-12-24"),
        ("WhatsApp Image 2016-12-24 at 18.30.12.jpeg", "2016-12-24 18:30:12"),
        ("WhatsApp Image 2016-12-24 at 6.30.12 PM.jpeg", "2016-12-24 18:30:12"),
        ("signal-2020-10-26-163832.jpg", "2020-10-26 16:38:32"),
        ("signal-2022-01-03-15-52-21-123.jpg", "2022-01-03 15:52:21"),
        ("2016-12-24 18.30.12.jpg", "2016-12-24 18:30:12"),
        ("2016-12-24 18.30.12-2.jpg", "2016-12-24 18:30:12"),
        ("20161224_183012.jpg", "2016-12-24 18:30:12"),
        ("20161224_183012(0).jpg", "2016-12-24 18:30:12"),
        ("IMG_20161224_183012.jpg", "2016-12-24 18:30:12"),
        ("IMG_20161224_183012123_HDR.jpg", "2016-12-24 18:30:12"),
        ("Copy of IMG_20161224_183012.jpg", "2016-12-24 18:30:12"),
        ("Screenshot_20161224-183012.png", "2016-12-24 18:30:12"),
        ("Screenshot_2016-12-24-18-30-12.png", "2016-12-24 18:30:12"),
        ("Screen Shot 2016-12-24 at 10.20.30.png", "2016-12-24 10:20:30"),
        ("Screenshot 2021-01-02 at 1.02.03 PM.png", "2021-01-02 13:02:03"),
        ("Bildschirmfoto 2016-12-24 um 10.20.30.png", "2016-12-24 10:20:30"),
        ("WP_20161224_18_30_12_Pro.jpg", "2016-12-24 18:30:12"),
        ("WP_20131010_074.jpg", "2013-10-10"),
        ("photo_2016-12-24_18-30-12.jpg", "2016-12-24 18:30:12"),
        ("2016-12-24 Party.jpg", "2016-12-24"),
        ("1975-07-04 wedding, scanned.jpg", "1975-07-04"),
        ("2016-05-14_183012_IMG_0042.jpg", "2016-05-14 18:30:12"),  # an album folder of ours
        ("DOC-20161224-WA0014.jpg", "2016-12-24"),
        ("IMG-20161224-WA0014~2.jpg", "2016-12-24"),
        ("WhatsApp Image 2016-12-24 at 6.30.12\u202fPM.jpeg", "2016-12-24 18:30:12"),
        ("WhatsApp Image 2016-12-24 at 18:30:12.jpeg", "2016-12-24 18:30:12"),
        ("WhatsApp-Image-2016-12-24-at-18.30.12.jpeg", "2016-12-24 18:30:12"),
        ("00000042-PHOTO-2019-12-24-18-30-12.jpg", "2019-12-24 18:30:12"),
        ("signal-attachment-2020-10-26-163832.jpg", "2020-10-26 16:38:32"),
        ("signal-2020-10-26-163832_003.jpeg", "2020-10-26 16:38:32"),
        ("photo_5287@24-12-2016_18-30-12.jpg", "2016-12-24 18:30:12"),
        ("viber_image_2019-01-02_10-11-12.jpg", "2019-01-02 10:11:12"),
        ("Photo 2016-12-24 18 30 12.jpg", "2016-12-24 18:30:12"),
        ("MVIMG_20190102_101112.jpg", "2019-01-02 10:11:12"),
        ("IMG20190102101112.jpg", "2019-01-02 10:11:12"),
        ("IMG_20161224T183012.jpg", "2016-12-24 18:30:12"),
        ("00100lPORTRAIT_00100_BURST20190102101112345_COVER.jpg", "2019-01-02 10:11:12"),
        ("DSCPDC_0001_BURST20190102101112345_COVER.JPG", "2019-01-02 10:11:12"),
        ("20190102_101112_Burst01.jpg", "2019-01-02 10:11:12"),
        ("Resized_20161224_183012_1234.jpeg", "2016-12-24 18:30:12"),
        ("InShot_20161224_183012345.jpg", "2016-12-24 18:30:12"),
        ("DJI_20230102101112_0001_D.JPG", "2023-01-02 10:11:12"),
        ("Screenshot_20190102101112.png", "2019-01-02 10:11:12"),
        ("Screenshot_2019-01-02-10-11-12-123_com.whatsapp.jpg", "2019-01-02 10:11:12"),
        ("Screenshot from 2019-01-02 10-11-12.png", "2019-01-02 10:11:12"),
        ("Screenshot 2019-01-02 101112.png", "2019-01-02 10:11:12"),
        ("Screenshot 2023-01-02 at 1.02.03\u202fPM.png", "2023-01-02 13:02:03"),
        ("Screen_Shot_2019-01-02_at_10.11.12_AM.png", "2019-01-02 10:11:12"),
        (
            "Capture d\u2019e\u0301cran 2016-12-24 a\u0300 10.20.30.png",
            "2016-12-24 10:20:30",
        ),  # as Macs store it
        ("Captura de Pantalla 2016-12-24 a la(s) 1.20.30 p. m..png", "2016-12-24 13:20:30"),
        ("스크린샷 2021-01-02 오후 1.20.30.png", "2021-01-02 13:20:30"),
        ("截屏2021-01-02 下午1.20.30.png", "2021-01-02 13:20:30"),
        ("2016-12-24T18-30-12.jpg", "2016-12-24 18:30:12"),
        ("2016_12_24_18_30_12.jpg", "2016-12-24 18:30:12"),
        ("2016.12.24 Party.jpg", "2016-12-24"),
        ("2016-12-24-0042.jpg", "2016-12-24"),
        ("IMG_20161224_250000.jpg", "2016-12-24"),  # no such hour
    ],
)
def test_names_that_phones_messengers_and_people_give(name, known):
    assert name_date(name, NOW).text == known


@pytest.mark.parametrize(
    "name",
    [
        *("20161224.jpg", "IMG_0042.jpg", "DSC01234.jpg", "12345678_183012.jpg", "1482600612.jpg"),
        *("FB_IMG_1482600000000.jpg", "2016-13-24 x.jpg", "2016-02-30 x.jpg", "IMG-20991224-WA0014.jpg"),
        *("2016-1224.jpg", "2016-12-24-1234567.jpg", "20161224-0042.jpg", "20161224183012.jpg"),
        *("IMG_20161224_1830123456.jpg", "order 2016.13.24.jpg", "IMG_19800101_000000.jpg"),
        *("19450508_120000.jpg", "p120161224_1830123.jpg", "2016-12.jpg", "2016.jpg", ""),
    ],
)
def test_a_number_is_no_date(name):
    assert name_date(name, NOW) is None


@pytest.mark.parametrize(
    "name",
    [
        *("PXL_20201026_183832123.jpg", "PXL_20201026_183832123.MP.jpg", "PXL_20201026_183832.jpg"),
        *("PXL_20201026_183832123.PORTRAIT-01.COVER.jpg", "PXL_20201026_183832123~2.jpg"),
        *("20201026_183832123_iOS.jpg", "20201026T183832Z.jpg"),
    ],
)
def test_some_programs_name_their_photos_in_utc(name):
    moment = name_date(name, NOW)
    assert moment.start - timedelta(minutes=moment.offset_minutes) == datetime(2020, 10, 26, 18, 38, 32)


@given(st.text(max_size=60))
def test_no_name_breaks_it(name):
    name_date(name, NOW)


def test_a_clock_at_its_makers_default_is_believed_unless_gps_knows_better():
    new_year, gps = Moment(datetime(2008, 1, 1, 0, 3)), Moment(datetime(2016, 5, 4, 10))
    assert is_default_clock(new_year, gps)
    assert not is_default_clock(new_year, None)
    assert not is_default_clock(new_year, Moment(datetime(2008, 1, 1, 1)))
    assert not is_default_clock(Moment(datetime(2008, 1, 3)), gps)
    assert not is_default_clock(Moment(datetime(2008, 1, 1), "year"), gps)


def test_a_default_of_cheap_cameras_and_satellites_that_count_weeks_anew():
    default, now = Moment(datetime(2002, 12, 8, 12, 0, 40)), Moment(datetime(2016, 5, 4, 10))
    assert is_default_clock(default, now) and not is_default_clock(default, None)
    new_year = Moment(datetime(2020, 1, 1, 0, 3))
    assert not is_default_clock(new_year, Moment(datetime(2000, 5, 17, 0, 3)))  # 1024 weeks before
    assert is_default_clock(new_year, Moment(datetime(2000, 7, 1)))


def test_photos_with_stated_zones_are_sorted_by_instant():
    in_rome = parse_date("2016-05-04T18:00:00+02:00", NOW)
    in_new_york = parse_date("2016-05-04T12:30:00-04:00", NOW)  # half an hour later
    keys = [sort_key(moment.middle, moment.offset_minutes) for moment in (in_rome, in_new_york)]
    assert keys[0] + 1800 == keys[1]
