#include "http/file_service.h"

#include <algorithm>
#include <random>

#include <sluice/plan.h>

#include "file/page_cache.h"
#include "http/accept_encoding.h"
#include "http/byte_range.h"
#include "http/field_text.h"
#include "http/listing.h"
#include "http/multipart.h"
#include "http/preconditions.h"
#include "http/tree.h"
#include "sys/clock.h"

namespace sluice::http {

namespace {

constexpr std::string_view allowed_methods = "Allow: GET, HEAD, OPTIONS\r\n";

// Whether a target is its own path: nothing to decode, no dot segment, no query. Most are.
bool is_plain_path(std::string_view target) noexcept {
    if (!target.starts_with('/')) return false;
    char before = 0;
    for (char letter : target) {
        bool ordinary = (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') ||
                        is_digit(letter) || letter == '-' || letter == '_';
        bool separates = (letter == '/' || letter == '.') && before != '/';
        if (!ordinary && !separates) return false;
        before = letter;
    }
    return true;
}

// The field lines that depend on who asks: the origin, where only some are allowed.
std::string cors_fields(const site& from, const request& asked) {
    bool depends = !from.config().cors.empty() && !from.allows_every_origin();
    if (!depends || !asked.origin || !from.allows_origin(*asked.origin)) return {};
    return "Access-Control-Allow-Origin: " + std::string(*asked.origin) +
           "\r\nAccess-Control-Expose-Headers: Accept-Ranges, Content-Encoding, Content-Range, "
           "ETag\r\n";
}

// The fields of a listing, which anybody may read whom the site lets read its files.
std::string listing_fields(const site& from, const request& asked) {
    std::string fields = "Cache-Control: no-cache\r\nVary: Accept";
    if (from.allows_every_origin()) return fields + "\r\nAccess-Control-Allow-Origin: *\r\n";
    if (!from.config().cors.empty()) fields.append(", Origin");
    return fields + "\r\n" + cors_fields(from, asked);
}

std::string random_boundary() {
    thread_local std::mt19937_64 generator{std::random_device{}()};
    constexpr std::string_view letters = "abcdefghijklmnopqrstuvwxyz0123456789";
    std::string boundary(24, ' ');
    for (char& letter : boundary)
        letter = letters[generator() % letters.size()];
    return boundary;
}

// The fields that a status must have.
std::string_view required_fields(int status) noexcept {
    constexpr std::string_view retry = "Retry-After: 1\r\n";
    if (status == 405) return allowed_methods;
    return status == 503 ? retry : std::string_view();
}

void append_body(const representation& put, std::uint64_t first, std::uint64_t size, chain& out) {
    if (put.content) {
        out.append(put.content->region(first, size));
    } else {
        out.append(put.block.slice(put.body_begin + first, size));
    }
}

// Whether the body is in the page cache. Looking costs as much as a tenth of sending 64 KiB, so for
// a body of one chunk the answer holds for a moment; longer ones are looked at chunk by chunk as
// they are sent.
bool is_resident(const representation& put, std::int64_t now) {
    constexpr std::int64_t moment_ns = 50'000'000;
    constexpr std::uint64_t chunk_size = profile().chunk_size;
    if (!put.content || put.size > chunk_size) return false;
    if (now - put.resident_ns < moment_ns) return true;
    if (residency_of(put.content->region(0, put.size)) != residency::hot) return false;
    put.resident_ns = now;
    return true;
}

bool wants_json(const exchange::search& lookup, const request& asked) {
    std::string_view query = lookup.query;
    while (!query.empty()) {
        auto parameter = take_element(query, '&');
        if (parameter == "format=json") return true;
        if (parameter == "format=html") return false;
    }
    return asked.accept && asked.accept->starts_with("application/json");
}

}  // namespace

file_service::file_service(std::shared_ptr<const site_set> sites, response_head& heads,
                           cache_limits limits)
    : sites_(std::move(sites)), heads_(heads), cache_(limits) {}

void file_service::use(std::shared_ptr<const site_set> sites, cache_limits limits) {
    cache_.reset(limits);  // its entries refer to the old sites
    sites_ = std::move(sites);
}

std::optional<blocking_work> file_service::answer(exchange& x, chain& out) {
    if (x.lookup) return search(x, out);
    if (answer_from_cache(x, out)) return std::nullopt;
    return begin_search(x, out);
}

// The short way, which most requests take: a plain path that is in the cache.
bool file_service::answer_from_cache(exchange& x, chain& out) {
    if (!x.asked.is_get_or_head() || !is_plain_path(x.asked.target)) return false;
    const auto& from = sites_->for_host(x.asked.host);
    const auto* found = cache_.find(from, x.asked.target, x.now_ns);
    if (found == nullptr) return false;
    send_file(x, from, *found, 200, out);
    return true;
}

std::optional<blocking_work> file_service::begin_search(exchange& x, chain& out) {
    auto& lookup = x.lookup.emplace();
    lookup.sites = sites_;
    lookup.from = &sites_->for_host(x.asked.host);
    if (x.asked.method == request_method::other || !x.asked.is_get_or_head()) {
        if (x.asked.method == request_method::options) {
            send_options(x, out);
            return std::nullopt;
        }
        lookup.status = x.asked.method == request_method::other ? 501 : 405;
    }
    if (lookup.status == 200) {
        auto target = parse_target(x.asked.target);
        bool usable = target && target->path != "*";
        if (usable) {
            if (!target->authority.empty()) lookup.from = &sites_->for_host(target->authority);
            lookup.path = std::move(target->path);
            lookup.query = std::move(target->query);
            return search(x, out);
        }
        lookup.status = 400;
    }
    if (turn_to_other_page(lookup, lookup.status)) return search(x, out);
    send_error(x, lookup.status, out);
    return std::nullopt;
}

std::optional<blocking_work> file_service::search(exchange& x, chain& out) {
    auto& lookup = *x.lookup;
    while (true) {
        auto outcome = look_up(x);
        switch (outcome.is) {
            case load_outcome::kind::file:
                send_file(x, *lookup.from, *outcome.found, lookup.status, out);
                return std::nullopt;
            case load_outcome::kind::would_block:
                return [&lookup] {
                    lookup.loaded =
                        load(*lookup.sites, *lookup.from, lookup.path, lookup::may_block);
                };
            case load_outcome::kind::redirect:
                if (lookup.status == 200) {
                    send_redirect(x, out);
                    return std::nullopt;
                }
                break;  // an error page that is a directory: the built-in one will do
            case load_outcome::kind::listing:
                if (lookup.status == 200) return send_listing(x, out);
                break;
            case load_outcome::kind::refused:
                break;
        }
        if (!outcome.reason.empty()) x.answer.trouble = outcome.reason;
        int status = lookup.status == 200 ? outcome.status : lookup.status;
        if (turn_to_other_page(lookup, status)) continue;
        send_error(x, status, out);
        return std::nullopt;
    }
}

load_outcome file_service::look_up(exchange& x) {
    auto& lookup = *x.lookup;
    auto now = x.now_ns;
    load_outcome outcome;
    if (lookup.loaded) {
        outcome = *std::exchange(lookup.loaded, std::nullopt);
    } else {
        if (auto kept = cache_.share(*lookup.from, lookup.path, now))
            return {.is = load_outcome::kind::file, .found = std::move(kept)};
        outcome = load(*lookup.sites, *lookup.from, lookup.path, lookup::cached_only);
    }
    // After a reload of the configuration the sites of this request are no longer those of the
    // cache.
    if (outcome.is == load_outcome::kind::file && lookup.sites == sites_)
        cache_.insert(*lookup.from, lookup.path, outcome.found, now);
    return outcome;
}

bool file_service::turn_to_other_page(exchange::search& lookup, int status) {
    const auto& fallback = lookup.from->config().fallback;
    if (status == 404 && !fallback.empty() && !lookup.on_fallback && !lookup.on_error_page) {
        lookup.on_fallback = true;
        lookup.path = fallback;
        return true;
    }
    const auto* page = lookup.from->error_page(status);
    if (page == nullptr || lookup.on_error_page) return false;
    lookup.on_error_page = true;
    lookup.status = status;
    lookup.path = *page;
    return true;
}

void file_service::send_file(exchange& x, const site& from, const resource& which, int status,
                             chain& out) {
    x.answer.bytes_per_second = from.config().rate_limit;
    auto how = which.existing.only_identity()
                   ? coding::identity
                   : accepted_codings(x.asked.accept_encoding).best(which.existing);
    const auto& put = which.in(how);
    auto cors = cors_fields(from, x.asked);
    if (status == 200) {
        validators file{put.etag, which.last_modified, sys::coarse_realtime_s()};
        auto verdict = evaluate(x.asked.conditions, file, true);
        if (verdict == precondition::failed) return send_error(x, 412, out);
        if (verdict == precondition::not_modified) {
            x.answer.status = 304;
            out.append(heads_.begin(304, after(x)));
            if (!cors.empty()) out.append(buffer_slice::copy_of(as_bytes(cors)));
            return out.append(put.common_fields());
        }
        bool ranged = x.asked.range && x.asked.method == request_method::get;
        if (ranged && x.asked.conditions.if_range)
            ranged = if_range_holds(*x.asked.conditions.if_range, file);
        if (ranged) return send_ranges(x, put, which, cors, out);
    }
    x.answer.status = status;
    out.append(heads_.begin(status, after(x)));
    if (!cors.empty()) out.append(buffer_slice::copy_of(as_bytes(cors)));
    if (status != 200 && !required_fields(status).empty())
        out.append(buffer_slice::of_static(required_fields(status)));
    if (x.asked.method == request_method::head) return out.append(put.head_fields());
    x.answer.body_bytes = put.size;
    out.append(put.block);
    if (put.content) append_body(put, 0, put.size, out);
    x.answer.known_resident = is_resident(put, x.now_ns);
}

void file_service::send_ranges(exchange& x, const representation& put, const resource& which,
                               std::string_view cors, chain& out) {
    auto limits = x.lookup ? x.lookup->sites->limits.ranges : sites_->limits.ranges;
    auto selected = select_ranges(*x.asked.range, put.size, limits);
    std::string fields(cors);
    if (selected.outcome == range_selection::kind::unsatisfiable) {
        fields.append("Content-Range: ").append(unsatisfied_content_range(put.size)).append("\r\n");
        return append_error(out, heads_, x, 416, fields);
    }
    bool whole = selected.outcome == range_selection::kind::whole;
    auto begin = [&](int status, std::string_view type, std::uint64_t size) {
        x.answer.status = status;
        x.answer.body_bytes = size;
        fields.append("Content-Type: ").append(type).append("\r\nContent-Length: ");
        fields.append(std::to_string(size)).append("\r\n");
        out.append(heads_.begin(status, after(x)));
        out.append(buffer_slice::copy_of(as_bytes(fields)));
        out.append(put.common_fields());
    };
    if (whole) {
        begin(200, which.content_type, put.size);
        return append_body(put, 0, put.size, out);
    }
    if (selected.ranges.size() == 1) {
        const auto& range = selected.ranges.front();
        fields.append("Content-Range: ").append(content_range(range, put.size)).append("\r\n");
        begin(206, which.content_type, range.size);
        return append_body(put, range.first, range.size, out);
    }
    multipart_frame frame(random_boundary(), which.content_type, put.size);
    begin(206, frame.content_type(), frame.content_length(selected.ranges));
    for (const auto& range : selected.ranges) {
        out.append(buffer_slice::copy_of(as_bytes(frame.part_head(range))));
        append_body(put, range.first, range.size, out);
    }
    out.append(buffer_slice::copy_of(as_bytes(frame.closing())));
}

void file_service::send_redirect(exchange& x, chain& out) {
    const auto& lookup = *x.lookup;
    // A path that begins with two slashes would name another host; target.h has merged them.
    auto fields = "Location: " + encode_path(lookup.path) + "/";
    if (!lookup.query.empty()) fields.append("?").append(lookup.query);
    append_error(out, heads_, x, 301, fields.append("\r\n"));
}

void file_service::send_options(exchange& x, chain& out) {
    std::string fields(allowed_methods);
    const auto& from = *x.lookup->from;
    bool preflight = x.asked.origin && x.asked.access_control_request_method;
    if (preflight && from.allows_origin(*x.asked.origin)) {
        fields.append("Access-Control-Allow-Origin: ");
        fields.append(from.allows_every_origin() ? std::string_view("*") : *x.asked.origin);
        fields.append("\r\nAccess-Control-Allow-Methods: GET, HEAD, OPTIONS\r\n");
        if (x.asked.access_control_request_headers) {
            fields.append("Access-Control-Allow-Headers: ");
            fields.append(*x.asked.access_control_request_headers).append("\r\n");
        }
        fields.append("Access-Control-Max-Age: 600\r\n");
        if (!from.allows_every_origin()) fields.append("Vary: Origin\r\n");
    }
    append_response(out, heads_, x, 204, {}, fields, {});
}

void file_service::send_error(exchange& x, int status, chain& out) {
    append_error(out, heads_, x, status, required_fields(status));
}

// Reading a directory may always wait, so a listing is made off the loop.
std::optional<blocking_work> file_service::send_listing(exchange& x, chain& out) {
    auto& lookup = *x.lookup;
    bool json = wants_json(lookup, x.asked);
    if (!lookup.listing) {
        return [&lookup, json] {
            tree names(*lookup.from, lookup::may_block);
            auto page = names.list(lookup.path, lookup.sites->limits.listing_entries);
            if (!page) {
                lookup.listing.emplace();
                lookup.loaded = load_outcome{.status = status_for(page.error()),
                                             .reason = page.error().message()};
                return;
            }
            page->order = parse_listing_order(lookup.query);
            sort_entries(*page);
            lookup.listing = json ? listing_json(*page) : listing_html(*page);
            lookup.loaded = load_outcome{.is = load_outcome::kind::listing};
        };
    }
    // The text itself is sent: a listing is long, and a slow reader keeps it.
    auto text = std::make_shared<const std::string>(*std::move(lookup.listing));
    auto body = buffer_slice::within(text, as_bytes(*text));
    append_response(out, heads_, x, 200, json ? "application/json" : "text/html; charset=utf-8",
                    listing_fields(*lookup.from, x.asked), std::move(body));
    return std::nullopt;
}

}  // namespace sluice::http
