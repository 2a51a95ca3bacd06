#include "http/access_log.h"

#include <array>
#include <iterator>

#include <fmt/format.h>

#include "http/http_date.h"
#include "http/json_text.h"

namespace sluice::http {

namespace {

// "\x16" and the like, and quotes and backslashes: what could end a field or a line.
void append_escaped(std::string& out, std::string_view text) {
    for (unsigned char letter : text) {
        bool plain = letter >= 0x20 && letter < 0x7f && letter != '"' && letter != '\\';
        if (plain) {
            out.push_back(static_cast<char>(letter));
        } else {
            fmt::format_to(std::back_inserter(out), "\\x{:02x}", letter);
        }
    }
}

void append_quoted_or_dash(std::string& out, std::string_view text) {
    out.append("\"");
    append_escaped(out, text.empty() ? std::string_view("-") : text);
    out.append("\"");
}

// "20/Nov/2026:10:00:00 +0000", from the IMF date "Fri, 20 Nov 2026 10:00:00 GMT".
void append_log_date(std::string& out, std::int64_t unix_seconds) {
    http_date_text date;
    format_http_date(unix_seconds, date);
    std::string_view text(date.data(), date.size());
    out.append(text.substr(5, 2)).append("/").append(text.substr(8, 3)).append("/");
    out.append(text.substr(12, 4)).append(":").append(text.substr(17, 8)).append(" +0000");
}

std::uint64_t copied(const ledger& costs) {
    auto total = costs.total();
    return total.copied_user_kernel + total.copied_user;
}

void append_combined(std::string& out, const access_record& record) {
    const auto& asked = record.asked;
    out.append(record.client).append(" - - [");
    append_log_date(out, record.unix_seconds);
    out.append("] \"");
    // A request that was refused as a whole has neither.
    append_escaped(out, asked.method_name.empty() ? "-" : asked.method_name);
    out.append(" ");
    append_escaped(out, asked.target.empty() ? "-" : asked.target);
    fmt::format_to(std::back_inserter(out), " HTTP/1.{}\" {} {} ", asked.http_1_1 ? 1 : 0,
                   record.answer.status, record.answer.body_bytes);
    append_quoted_or_dash(out, asked.referer);
    out.append(" ");
    append_quoted_or_dash(out, asked.user_agent);
    fmt::format_to(std::back_inserter(out), " {} {} {} {}\n", record.duration_ns / 1000,
                   record.costs.total().bytes, name_of(record.costs.foremost()),
                   copied(record.costs));
}

void append_member(std::string& out, std::string_view name, std::string_view text) {
    fmt::format_to(std::back_inserter(out), ",\"{}\":", name);
    append_json_string(out, text);
}

void append_json(std::string& out, const access_record& record) {
    const auto& asked = record.asked;
    fmt::format_to(std::back_inserter(out), "{{\"time\":\"{}\"",
                   format_rfc3339(record.unix_seconds));
    append_member(out, "client", record.client);
    append_member(out, "host", asked.host);
    append_member(out, "method", asked.method_name);
    append_member(out, "target", asked.target);
    append_member(out, "version", asked.http_1_1 ? "HTTP/1.1" : "HTTP/1.0");
    fmt::format_to(std::back_inserter(out),
                   ",\"status\":{},\"body_bytes\":{},\"sent_bytes\":{},\"duration_us\":{},"
                   "\"mechanism\":\"{}\",\"copied_bytes\":{}",
                   record.answer.status, record.answer.body_bytes, record.costs.total().bytes,
                   record.duration_ns / 1000, name_of(record.costs.foremost()),
                   copied(record.costs));
    append_member(out, "referer", asked.referer);
    append_member(out, "user_agent", asked.user_agent);
    out.append("}\n");
}

}  // namespace

void append_access_line(std::string& out, access_format format, const access_record& record) {
    if (format == access_format::json) return append_json(out, record);
    append_combined(out, record);
}

void access_log::record(const access_record& line) {
    append_access_line(batch_, to_.format(), line);
    ++lines_;
    if (batch_.size() >= batch_bytes) flush();
}

void access_log::flush() {
    if (lines_ == 0) return;
    to_.write_access(batch_, lines_);
    batch_.clear();
    lines_ = 0;
}

}  // namespace sluice::http
