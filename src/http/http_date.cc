#include "http/http_date.h"

#include <algorithm>
#include <chrono>

#include "http/field_text.h"

namespace sluice::http {

namespace {

using std::chrono::day;
using std::chrono::month;
using std::chrono::sys_days;
using std::chrono::year;
using std::chrono::year_month_day;

constexpr std::string_view day_names = "SunMonTueWedThuFriSat";
constexpr std::string_view month_names = "JanFebMarAprMayJunJulAugSepOctNovDec";
constexpr std::array<std::string_view, 7> long_day_names = {
    "Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"};

constexpr std::int64_t seconds_per_day = 86400;
constexpr std::int64_t first_time = -62167219200;  // 0000-01-01T00:00:00Z
constexpr std::int64_t last_time = 253402300799;   // 9999-12-31T23:59:59Z

struct civil_time {
    unsigned year, month, day, hour, minute, second, day_of_week;
};

civil_time split(std::int64_t unix_seconds) noexcept {
    auto clamped = std::clamp(unix_seconds, first_time, last_time);
    auto since_first = clamped - first_time;
    auto second_of_day = static_cast<unsigned>(since_first % seconds_per_day);
    sys_days midnight{std::chrono::days{(clamped - second_of_day) / seconds_per_day}};
    year_month_day date{midnight};
    return {static_cast<unsigned>(static_cast<int>(date.year())),
            static_cast<unsigned>(date.month()),
            static_cast<unsigned>(date.day()),
            second_of_day / 3600,
            second_of_day / 60 % 60,
            second_of_day % 60,
            std::chrono::weekday{midnight}.c_encoding()};
}

char* put_text(char* to, std::string_view text) noexcept {
    for (char letter : text)
        *to++ = letter;
    return to;
}

char* put_two(char* to, unsigned number) noexcept {
    *to++ = static_cast<char>('0' + number / 10);
    *to++ = static_cast<char>('0' + number % 10);
    return to;
}

// Takes the parts of a date off the front of a text. After the first part that does not fit, ok()
// is false and stays so; what the calls return then means nothing.
class date_reader {
  public:
    explicit date_reader(std::string_view text) noexcept : rest_(text) {}

    [[nodiscard]] bool ok() const noexcept { return ok_; }
    [[nodiscard]] bool finished() const noexcept { return ok_ && rest_.empty(); }

    void expect(std::string_view literal) noexcept {
        ok_ = ok_ && rest_.starts_with(literal);
        if (ok_) rest_.remove_prefix(literal.size());
    }

    unsigned digits(std::size_t count) noexcept {
        unsigned number = 0;
        ok_ = ok_ && rest_.size() >= count &&
              std::all_of(rest_.begin(), rest_.begin() + static_cast<std::ptrdiff_t>(count),
                          is_digit);
        if (!ok_) return 0;
        for (char digit : rest_.substr(0, count))
            number = number * 10 + static_cast<unsigned>(digit - '0');
        rest_.remove_prefix(count);
        return number;
    }

    // asctime fills a day below 10 with a space.
    unsigned day_filled_with_space() noexcept {
        if (!rest_.starts_with(' ')) return digits(2);
        rest_.remove_prefix(1);
        return digits(1);
    }

    // The place, from 0, of a name of three letters in the joined `names`.
    unsigned name(std::string_view names) noexcept {
        auto place = rest_.size() < 3 ? std::string_view::npos : names.find(rest_.substr(0, 3));
        ok_ = ok_ && place != std::string_view::npos && place % 3 == 0;
        if (!ok_) return 0;
        rest_.remove_prefix(3);
        return static_cast<unsigned>(place / 3);
    }

    void time_of_day(civil_time& time) noexcept {
        time.hour = digits(2);
        expect(":");
        time.minute = digits(2);
        expect(":");
        time.second = digits(2);
    }

  private:
    std::string_view rest_;
    bool ok_ = true;
};

std::optional<std::int64_t> join(const civil_time& time) noexcept {
    year_month_day date{year{static_cast<int>(time.year)}, month{time.month}, day{time.day}};
    // 60 is a leap second, which Unix time does not have; it becomes the second after.
    if (!date.ok() || time.hour > 23 || time.minute > 59 || time.second > 60) return std::nullopt;
    std::int64_t days = sys_days{date}.time_since_epoch().count();
    return days * seconds_per_day + time.hour * 3600 + time.minute * 60 + time.second;
}

std::optional<std::int64_t> parse_imf_fixdate(std::string_view text) noexcept {
    date_reader reader(text);
    civil_time time{};
    reader.name(day_names);
    reader.expect(", ");
    time.day = reader.digits(2);
    reader.expect(" ");
    time.month = reader.name(month_names) + 1;
    reader.expect(" ");
    time.year = reader.digits(4);
    reader.expect(" ");
    reader.time_of_day(time);
    reader.expect(" GMT");
    return reader.finished() ? join(time) : std::nullopt;
}

std::optional<std::int64_t> parse_asctime(std::string_view text) noexcept {
    date_reader reader(text);
    civil_time time{};
    reader.name(day_names);
    reader.expect(" ");
    time.month = reader.name(month_names) + 1;
    reader.expect(" ");
    time.day = reader.day_filled_with_space();
    reader.expect(" ");
    reader.time_of_day(time);
    reader.expect(" ");
    time.year = reader.digits(4);
    return reader.finished() ? join(time) : std::nullopt;
}

// Of the dates that end in these two digits, the latest that is not more than 50 years after now.
std::optional<std::int64_t> join_short_year(civil_time time, std::int64_t now) noexcept {
    auto limit = split(now);
    limit.year += 50;
    auto after_limit = [&limit](const civil_time& date) {
        auto key = [](const civil_time& t) {
            return ((((t.year * 16ULL + t.month) * 32 + t.day) * 32 + t.hour) * 64 + t.minute) *
                       64 +
                   t.second;
        };
        return key(date) > key(limit);
    };
    time.year += limit.year / 100 * 100;
    while (time.year >= 100 && after_limit(time))
        time.year -= 100;
    return join(time);
}

std::optional<std::int64_t> parse_rfc850(std::string_view text, std::int64_t now) noexcept {
    auto comma = text.find(',');
    if (std::find(long_day_names.begin(), long_day_names.end(), text.substr(0, comma)) ==
        long_day_names.end()) {
        return std::nullopt;
    }
    if (comma == std::string_view::npos) return std::nullopt;
    date_reader reader(text.substr(comma));
    civil_time time{};
    reader.expect(", ");
    time.day = reader.digits(2);
    reader.expect("-");
    time.month = reader.name(month_names) + 1;
    reader.expect("-");
    time.year = reader.digits(2);
    reader.expect(" ");
    reader.time_of_day(time);
    reader.expect(" GMT");
    return reader.finished() ? join_short_year(time, now) : std::nullopt;
}

std::int64_t system_time() noexcept {
    auto since_epoch = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::seconds>(since_epoch).count();
}

}  // namespace

void format_http_date(std::int64_t unix_seconds, http_date_text& out) noexcept {
    auto time = split(unix_seconds);
    char* to = put_text(out.data(), day_names.substr(time.day_of_week * 3, 3));
    to = put_two(put_text(to, ", "), time.day);
    to = put_text(put_text(to, " "), month_names.substr((time.month - 1) * 3, 3));
    to = put_two(put_two(put_text(to, " "), time.year / 100), time.year % 100);
    to = put_two(put_text(to, " "), time.hour);
    to = put_two(put_text(to, ":"), time.minute);
    to = put_two(put_text(to, ":"), time.second);
    put_text(to, " GMT");
}

std::string format_http_date(std::int64_t unix_seconds) {
    http_date_text text;
    format_http_date(unix_seconds, text);
    return {text.begin(), text.end()};
}

std::string format_rfc3339(std::int64_t unix_seconds) {
    auto time = split(unix_seconds);
    std::string out(20, ' ');
    char* to = put_two(put_two(out.data(), time.year / 100), time.year % 100);
    to = put_two(put_text(to, "-"), time.month);
    to = put_two(put_text(to, "-"), time.day);
    to = put_two(put_text(to, "T"), time.hour);
    to = put_two(put_text(to, ":"), time.minute);
    to = put_two(put_text(to, ":"), time.second);
    put_text(to, "Z");
    return out;
}

std::optional<std::int64_t> parse_http_date(std::string_view text, std::int64_t now) noexcept {
    if (auto time = parse_imf_fixdate(text)) return time;
    if (auto time = parse_rfc850(text, now)) return time;
    return parse_asctime(text);
}

std::optional<std::int64_t> parse_http_date(std::string_view text) noexcept {
    // Only RFC 850 has a hyphen; the other two need no clock.
    auto now = text.find('-') == std::string_view::npos ? 0 : system_time();
    return parse_http_date(text, now);
}

}  // namespace sluice::http
