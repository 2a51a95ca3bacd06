#include "http/listing.h"

#include <algorithm>
#include <array>
#include <initializer_list>

#include "http/field_text.h"
#include "http/html_text.h"
#include "http/http_date.h"
#include "http/json_text.h"
#include "http/target.h"

namespace sluice::http {

namespace {

using key = listing_order::key;

// The icons are masks, so that they take the colours of the page; a name is wrapped and never cut.
constexpr std::string_view listing_style =
    "main{max-width:62rem;margin:0 auto;padding:2rem 1rem}"
    "nav{margin:0 0 1.25rem;font-size:1.25rem;font-weight:600;overflow-wrap:anywhere}"
    "nav ol{display:flex;flex-wrap:wrap;gap:.1rem .35rem;list-style:none;margin:0;padding:0}"
    "nav li+li::before{content:'/';margin-right:.35rem;color:var(--dim);font-weight:400}"
    ".note{margin:0 0 1rem;padding:.6rem .9rem;border:1px solid var(--folder);border-radius:10px}"
    ".card{background:var(--card);border:1px solid var(--line);border-radius:14px;overflow:hidden;"
    "box-shadow:0 8px 30px #0000000d}"
    "table{width:100%;border-collapse:collapse}"
    "th,td{padding:.5rem 1rem;text-align:left}"
    "th{font-size:.8125rem;border-bottom:1px solid var(--line)}th a{color:var(--dim)}"
    "th[aria-sort] a{color:var(--text)}"
    "th[aria-sort=ascending] a::after{content:' \\2191'}"
    "th[aria-sort=descending] a::after{content:' \\2193'}"
    "tbody tr+tr td{border-top:1px solid var(--line)}tbody tr:hover{background:var(--hover)}"
    ".n{width:100%;overflow-wrap:anywhere}td.n>*{display:flex;gap:.7rem;align-items:flex-start}"
    "td.n>*::before{content:'';flex:none;width:1.25rem;height:1.5rem;background:var(--file);"
    "-webkit-mask:var(--icon) center/contain no-repeat;mask:var(--icon) center/contain no-repeat}"
    "tr{--icon:url(\"data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' "
    "viewBox='0 0 24 24'%3E"
    "%3Cpath d='M6 2h8l6 6v12a2 2 0 0 1-2 2H6a2 2 0 0 1-2-2V4a2 2 0 0 1 2-2zm7 1.5V9h5.5z'/%3E"
    "%3C/svg%3E\")}"
    ".d{--icon:url(\"data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' "
    "viewBox='0 0 24 24'%3E"
    "%3Cpath d='M4 4h6l2 2.5h8a2 2 0 0 1 2 2V18a2 2 0 0 1-2 2H4a2 2 0 0 1-2-2V6a2 2 0 0 1 2-2z'/%3E"
    "%3C/svg%3E\")}"
    ".d td.n>*{font-weight:600}.d td.n>*::before{background:var(--folder)}"
    ".s,.t{white-space:nowrap}"
    "td.s,td.t{color:var(--dim);font-variant-numeric:tabular-nums;font-size:.9375rem}"
    "td.s,th.s{text-align:right}"
    "footer{padding:1rem .25rem;color:var(--dim);font-size:.875rem}"
    ".h{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}"
    "@media(max-width:40rem){main{padding:1rem .5rem}th,td{padding:.6rem .7rem}.t{display:none}}";

void append(std::string& out, std::initializer_list<std::string_view> parts) {
    for (auto part : parts)
        out += part;
}

std::string_view key_name(key sort) noexcept {
    constexpr std::array<std::string_view, 3> names = {"name", "size", "time"};
    return names[static_cast<std::size_t>(sort)];
}

int compare_names(const std::string& left, const std::string& right) noexcept {
    auto [a, b] = std::mismatch(left.begin(), left.end(), right.begin(), right.end(),
                                [](char x, char y) { return ascii_lower(x) == ascii_lower(y); });
    if (a == left.end() && b == right.end()) return left.compare(right);
    if (a == left.end()) return -1;
    if (b == right.end()) return 1;
    auto byte = [](char letter) { return static_cast<unsigned char>(ascii_lower(letter)); };
    return byte(*a) < byte(*b) ? -1 : 1;
}

template <typename Number>
int compare_numbers(Number left, Number right) noexcept {
    return left < right ? -1 : (right < left ? 1 : 0);
}

bool goes_before(const listing_entry& left, const listing_entry& right,
                 listing_order order) noexcept {
    if (left.directory != right.directory) return left.directory;
    int difference = 0;
    // The size of a directory says nothing, so directories keep to their names.
    if (order.sort == key::size && !left.directory)
        difference = compare_numbers(left.size, right.size);
    if (order.sort == key::time) difference = compare_numbers(left.modified, right.modified);
    bool by_name = difference == 0;
    if (by_name) difference = compare_names(left.name, right.name);
    bool descending = order.descending && (!by_name || order.sort == key::name);
    return descending ? difference > 0 : difference < 0;
}

std::string with_separators(std::uint64_t number) {
    auto digits = std::to_string(number);
    for (auto place = digits.size(); place > 3;) {
        place -= 3;
        digits.insert(place, 1, ',');
    }
    return digits;
}

std::string counted(std::uint64_t number, std::string_view one, std::string_view many) {
    auto text = with_separators(number);
    append(text, {" ", number == 1 ? one : many});
    return text;
}

void append_breadcrumbs(std::string& out, std::string_view path) {
    auto depth = std::count(path.begin(), path.end(), '/') - 1;
    out += "<nav aria-label=\"Breadcrumb\"><ol>";
    std::string_view rest = path;
    for (auto level = depth; level >= 0; --level) {
        auto name = take_element(rest, '/');
        std::string up = level == 0 ? "./" : "";
        for (auto i = level; i > 0; --i)
            up += "../";
        append(out, {"<li><a href=\"", up, level == 0 ? "\" aria-current=\"page\">" : "\">"});
        append_html_text(out, level == depth ? "Home" : name);
        out += "</a></li>";
    }
    out += "</ol></nav>\n";
}

void append_column(std::string& out, std::string_view title, std::string_view style_class, key sort,
                   listing_order order) {
    bool sorted = order.sort == sort;
    // A click on the sorted column turns it round; sizes and times are first wanted largest first.
    bool next_descending = sorted ? !order.descending : sort != key::name;
    std::string_view mark =
        order.descending ? "\" aria-sort=\"descending" : "\" aria-sort=\"ascending";
    append(out, {"<th scope=\"col\" class=\"", style_class, sorted ? mark : "",
                 "\"><a href=\"?sort=", key_name(sort),
                 next_descending ? "&amp;order=desc\">" : "&amp;order=asc\">", title, "</a></th>"});
}

void append_name(std::string& out, const listing_entry& entry) {
    bool linked = is_servable_name(entry.name);
    if (linked) {
        append(out, {"<a href=\"", encode_path(entry.name), entry.directory ? "/\">" : "\">"});
    } else {
        out += "<span title=\"This name cannot be asked for over HTTP\">";
    }
    // One element inside, as the outer one lays out its icon and its text side by side.
    out += "<span>";
    append_html_text(out, entry.name);
    if (entry.directory) out += "/";
    out += linked ? "</span></a>" : "</span></span>";
}

void append_size(std::string& out, const listing_entry& entry) {
    if (entry.directory) {
        out += "<td class=\"s\"><span aria-label=\"none\">&ndash;</span></td>";
        return;
    }
    append(out, {"<td class=\"s\" title=\"", counted(entry.size, "byte", "bytes"), "\">",
                 human_size(entry.size), "</td>"});
}

void append_row(std::string& out, const listing_entry& entry) {
    out += entry.directory ? "<tr class=\"d\"><td class=\"n\">" : "<tr><td class=\"n\">";
    append_name(out, entry);
    out += "</td>";
    append_size(out, entry);
    auto time = format_rfc3339(entry.modified);
    auto shown = std::string_view(time);
    append(out, {"<td class=\"t\"><time datetime=\"", time, "\" title=\"", time, "\">",
                 shown.substr(0, 10), " ", shown.substr(11, 5), "</time></td></tr>\n"});
}

void append_table(std::string& out, const listing_page& page) {
    out += "<div class=\"card\"><table>\n<caption class=\"h\">Contents of ";
    append_html_text(out, page.path);
    out += "</caption>\n<thead><tr>";
    append_column(out, "Name", "n", key::name, page.order);
    append_column(out, "Size", "s", key::size, page.order);
    append_column(out, "Modified (UTC)", "t", key::time, page.order);
    out += "</tr></thead>\n<tbody>\n";
    if (page.path != "/") {
        out +=
            "<tr class=\"d\"><td class=\"n\"><a href=\"../\"><span>"
            ".. (parent directory)</span></a></td>"
            "<td class=\"s\"></td><td class=\"t\"></td></tr>\n";
    }
    for (const auto& entry : page.entries)
        append_row(out, entry);
    if (page.entries.empty()) out += "<tr><td colspan=\"3\">This directory is empty.</td></tr>\n";
    out += "</tbody>\n</table></div>\n";
}

void append_footer(std::string& out, const listing_page& page) {
    std::uint64_t directories = 0;
    std::uint64_t bytes = 0;
    for (const auto& entry : page.entries) {
        if (entry.directory) {
            ++directories;
        } else {
            bytes += entry.size;
        }
    }
    append(out, {"<footer>", counted(directories, "directory", "directories"), ", ",
                 counted(page.entries.size() - directories, "file", "files"), ", <span title=\"",
                 counted(bytes, "byte", "bytes"), "\">", human_size(bytes), "</span>"});
    if (page.truncated) out += " in the part that is shown";
    out += "</footer>\n";
}

}  // namespace

listing_order parse_listing_order(std::string_view query) noexcept {
    listing_order order;
    while (!query.empty()) {
        auto value = take_element(query, '&');
        auto name = take_element(value, '=');
        if (name == "order" && (value == "asc" || value == "desc"))
            order.descending = value == "desc";
        if (name != "sort") continue;
        for (auto sort : {key::name, key::size, key::time}) {
            if (value == key_name(sort)) order.sort = sort;
        }
    }
    return order;
}

void sort_entries(listing_page& page) {
    std::sort(page.entries.begin(), page.entries.end(),
              [order = page.order](const listing_entry& left, const listing_entry& right) {
                  return goes_before(left, right, order);
              });
}

std::string listing_html(const listing_page& page) {
    std::string out;
    out.reserve(8192 + page.entries.size() * 256);
    append_page_head(out, "Index of " + page.path, listing_style);
    out += "<main>\n";
    append_breadcrumbs(out, page.path);
    if (page.truncated) {
        append(out, {"<p class=\"note\" role=\"status\">Only ",
                     counted(page.entries.size(), "entry is", "entries are"),
                     " shown; this directory has more.</p>\n"});
    }
    append_table(out, page);
    append_footer(out, page);
    out += "</main>\n</body>\n</html>\n";
    return out;
}

std::string listing_json(const listing_page& page) {
    std::string out = "{\"path\":";
    out.reserve(256 + page.entries.size() * 128);
    append_json_string(out, page.path);
    out +=
        page.truncated ? ",\"truncated\":true,\"entries\":[" : ",\"truncated\":false,\"entries\":[";
    bool first = true;
    for (const auto& entry : page.entries) {
        out += first ? "\n{\"name\":" : ",\n{\"name\":";
        first = false;
        append_json_string(out, entry.name);
        append(out, {entry.directory ? ",\"type\":\"directory\",\"size\":"
                                     : ",\"type\":\"file\",\"size\":",
                     entry.directory ? "null" : std::to_string(entry.size), ",\"modified\":\"",
                     format_rfc3339(entry.modified), "\"}"});
    }
    return out + "\n]}\n";
}

std::string human_size(std::uint64_t bytes) {
    constexpr std::array<std::string_view, 7> units = {"B",   "KiB", "MiB", "GiB",
                                                       "TiB", "PiB", "EiB"};
    std::size_t unit = 0;
    std::uint64_t whole = bytes;
    std::uint64_t rest = 0;  // of 1024 parts
    while (whole >= 1000 && unit + 1 < units.size()) {
        rest = whole % 1024;
        whole /= 1024;
        ++unit;
    }
    // From 10 on three digits are enough without the tenths; they are rounded down, so nothing
    // carries.
    auto text = std::to_string(whole);
    if (unit > 0 && whole < 10) append(text, {".", std::to_string(rest * 10 / 1024)});
    append(text, {" ", units[unit]});
    return text;
}

}  // namespace sluice::http
