#include "http/resource.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdlib>

#include <fcntl.h>

#include <sluice/buffer.h>

#include "http/http_date.h"
#include "http/target.h"
#include "http/tree.h"
#include "sys/clock.h"
#include "sys/files.h"
#include "sys/io.h"

namespace sluice::http {

namespace {

// File systems stamp changes with a clock that moves in steps of some milliseconds.
constexpr std::int64_t settling_ns = 50'000'000;

load_outcome refused(int status, std::string reason = {}) {
    return {.is = load_outcome::kind::refused, .status = status, .reason = std::move(reason)};
}

load_outcome refused(const error& failed, lookup how, const std::string& name) {
    if (how == lookup::cached_only && failed.is(EAGAIN))
        return {.is = load_outcome::kind::would_block};
    int status = status_for(failed);
    // What only the operator can mend goes to the log.
    bool ours = status >= 500 || failed.is(EXDEV) || failed.is(EACCES);
    return refused(status, ours ? name + ": " + failed.code().message() : std::string());
}

std::string hex(std::uint64_t number) {
    char text[16];
    auto end = std::to_chars(std::begin(text), std::end(text), number, 16).ptr;
    return {text, end};
}

// A strong tag: the time of the last change to the nanosecond, the size, and the coding (two
// codings of one file are different bytes and need different tags, RFC 9110 section 8.8.3).
std::string make_etag(const file_identity& identity, coding how) {
    auto tag =
        "\"" + hex(static_cast<std::uint64_t>(identity.modified_ns)) + "-" + hex(identity.size);
    if (how != coding::identity) tag.append("-").append(coding_name(how));
    return tag + "\"";
}

struct coded_name {
    coding how;
    std::string_view extension;
};
constexpr coded_name neighbours[] = {
    {coding::br, ".br"}, {coding::zstd, ".zst"}, {coding::gzip, ".gz"}};

bool is_coded_already(std::string_view name) {
    return std::ranges::any_of(neighbours,
                               [&](const auto& each) { return name.ends_with(each.extension); });
}

// Puts one resource together.
class loader {
  public:
    loader(const site_set& all, const site& from, const std::string& path, lookup how)
        : all_(all), site_(from), path_(path), tree_(from, how) {}

    load_outcome run() {
        if (!site_.config().dotfiles && has_dot_segment_name(path_)) return refused(404);
        auto name = tree::below_root(path_);
        auto status = look_at(name);
        if (!status) return refused(status.error(), tree_.how(), name);
        if (S_ISDIR(status->st_mode)) return load_directory(name);
        if (!S_ISREG(status->st_mode)) return refused(403, name + ": not a regular file");
        if (path_.ends_with('/')) return refused(404);
        return load_file(name);
    }

  private:
    // What is there; the answer is kept as a probe.
    result<struct stat> look_at(const std::string& name) {
        auto status = tree_.look_at(name);
        if (status) made_->probes.push_back({name, file_identity::of(*status)});
        if (!status && status.error().is(ENOENT)) made_->probes.push_back({name, std::nullopt});
        return status;
    }

    load_outcome load_directory(const std::string& name) {
        if (!path_.ends_with('/')) return {.is = load_outcome::kind::redirect};
        for (const auto& index : site_.config().index) {
            auto candidate = name == "." ? index : name + "/" + index;
            auto status = look_at(candidate);
            if (status && S_ISREG(status->st_mode)) return load_file(candidate);
            if (!status && !status.error().is(ENOENT))
                return refused(status.error(), tree_.how(), candidate);
        }
        if (site_.config().listing) return {.is = load_outcome::kind::listing};
        return refused(403);
    }

    load_outcome load_file(const std::string& name) {
        made_->name = name;
        made_->content_type = all_.types->type_of(name);
        if (auto failed = add(name, coding::identity); failed) return *failed;
        made_->last_modified = made_->probes.back().found->modified_ns / 1'000'000'000;
        if (site_.config().precompressed && !is_coded_already(name)) {
            if (auto failed = add_neighbours(name); failed) return *failed;
        }
        made_->settled = settled_;
        write_blocks();
        return {.is = load_outcome::kind::file, .found = made_};
    }

    // Opens the file in one coding. On success its identity is the last probe.
    std::optional<load_outcome> add(const std::string& name, coding how) {
        // O_NONBLOCK: a fifo that took the file's place meanwhile must not hold us up.
        auto opened = tree_.open(name, O_RDONLY | O_NONBLOCK | O_NOCTTY);
        if (!opened) return refused(opened.error(), tree_.how(), name);
        auto status = sys::status(opened->get());
        if (!status) return refused(status.error(), tree_.how(), name);
        if (!S_ISREG(status->st_mode)) return refused(403, name + ": not a regular file");
        auto identity = file_identity::of(*status);
        note_age(identity);
        remember(name, identity);
        auto& put = made_->codings[static_cast<std::size_t>(how)].emplace();
        put.size = identity.size;
        put.etag = make_etag(identity, how);
        put.content.emplace(*std::move(opened), name);
        made_->existing.insert(how);
        return read_small_body(put, how);
    }

    // What was opened counts, not what was looked at a moment before.
    void remember(const std::string& name, const file_identity& identity) {
        if (made_->probes.back().path == name) {
            made_->probes.back().found = identity;
        } else {
            made_->probes.push_back({name, identity});
        }
    }

    // A neighbour that is older than the file itself is a leftover: it is not served.
    std::optional<load_outcome> add_neighbours(const std::string& name) {
        auto own = *made_->probes.back().found;
        for (const auto& [how, extension] : neighbours) {
            auto candidate = name + std::string(extension);
            auto status = look_at(candidate);
            if (!status) {
                if (status.error().is(EAGAIN) && tree_.how() == lookup::cached_only)
                    return load_outcome{.is = load_outcome::kind::would_block};
                look_again_after(status_for(status.error()));
                continue;
            }
            bool usable = S_ISREG(status->st_mode) &&
                          file_identity::of(*status).modified_ns >= own.modified_ns;
            if (!usable) continue;
            auto failed = add(candidate, how);
            if (!failed) continue;
            if (failed->is == load_outcome::kind::would_block) return failed;
            look_again_after(failed->status);
            drop(how);  // not readable: the file itself still is
        }
        return std::nullopt;
    }

    void drop(coding how) {
        made_->codings[static_cast<std::size_t>(how)].reset();
        coding_set left;
        for (std::size_t at = 0; at < coding_count; ++at) {
            if (made_->codings[at]) left.insert(static_cast<coding>(at));
        }
        made_->existing = left;
    }

    // What failed for want of a descriptor, or by the disk, may do next time.
    void look_again_after(int status) {
        if (status >= 500) settled_ = false;
    }

    // By the time of the last change, which nobody can set; that of modification may lie anywhere.
    void note_age(const file_identity& identity) {
        if (std::abs(sys::realtime_ns() - identity.changed_ns) < settling_ns) settled_ = false;
    }

    std::optional<load_outcome> read_small_body(representation& put, coding how) {
        if (put.size > all_.small_body_max()) return std::nullopt;
        buffer body(static_cast<std::size_t>(put.size));
        while (body.size() < put.size) {
            auto room = body.tailroom().first(static_cast<std::size_t>(put.size) - body.size());
            auto got = tree_.how() == lookup::cached_only
                           ? sys::pread_nowait(put.content->fd(), room, body.size())
                           : sys::pread(put.content->fd(), room, body.size());
            if (!got && tree_.how() == lookup::cached_only)
                return load_outcome{
                    .is = load_outcome::kind::would_block};  // no RWF_NOWAIT here, or an I/O error
            if (!got) return refused(got.error(), tree_.how(), put.content->name());
            if (got->would_block) return load_outcome{.is = load_outcome::kind::would_block};
            if (got->bytes == 0) break;
            body.commit(got->bytes);
        }
        if (body.size() <
            put.size) {  // it shrank just now: what there is counts, and is looked at again soon
            put.size = body.size();
            settled_ = false;
        }
        bodies_[static_cast<std::size_t>(how)] = std::move(body).freeze();
        put.content.reset();
        return std::nullopt;
    }

    void write_blocks() {
        for (std::size_t at = 0; at < coding_count; ++at) {
            if (auto& put = made_->codings[at]; put) write_block(*put, static_cast<coding>(at));
        }
    }

    // The fields that every response with this representation carries.
    field_list fields_of(const representation& put, coding how) const {
        field_list fields;
        fields.set("Content-Type", made_->content_type);
        auto date = std::min(made_->last_modified, sys::realtime_ns() / 1'000'000'000);
        fields.set("Last-Modified", format_http_date(date));
        fields.set("ETag", put.etag);
        fields.set("Accept-Ranges", "bytes");
        if (how != coding::identity) fields.set("Content-Encoding", coding_name(how));
        bool coded = std::ranges::count_if(made_->codings,
                                           [](const auto& each) { return each.has_value(); }) > 1;
        if (coded) fields.add_to("Vary", "Accept-Encoding");
        if (site_.allows_every_origin()) {
            fields.set("Access-Control-Allow-Origin", "*");
            fields.set("Access-Control-Expose-Headers",
                       "Accept-Ranges, Content-Encoding, Content-Range, ETag");
        } else if (!site_.config().cors.empty()) {
            fields.add_to("Vary", "Origin");
        }
        site_.apply_header_rules("/" + made_->name, fields);
        return fields;
    }

    void write_block(representation& put, coding how) {
        auto fields = fields_of(put, how);
        auto type = fields.take("Content-Type");
        if (how == coding::identity) made_->content_type = type;
        std::string text =
            "Content-Type: " + type + "\r\nContent-Length: " + std::to_string(put.size) + "\r\n";
        put.common_begin = text.size();
        fields.write_to(text);
        text.append("\r\n");
        put.body_begin = text.size();
        const auto& body = bodies_[static_cast<std::size_t>(how)];
        buffer block(text.size() + body.size());
        block.append(text);
        block.append(body.bytes());
        put.block = std::move(block).freeze();
    }

    const site_set& all_;
    const site& site_;
    const std::string& path_;
    tree tree_;
    std::shared_ptr<resource> made_ = std::make_shared<resource>();
    std::array<buffer_slice, coding_count> bodies_;
    bool settled_ = true;
};

}  // namespace

std::size_t resource::memory() const noexcept {
    std::size_t sum = sizeof(resource);
    for (const auto& each : codings)
        sum += each ? each->block.size() : 0;
    return sum;
}

std::size_t resource::descriptors() const noexcept {
    return static_cast<std::size_t>(
        std::ranges::count_if(codings, [](const auto& each) { return each && each->content; }));
}

load_outcome load(const site_set& all, const site& from, const std::string& path, lookup how) {
    return loader(all, from, path, how).run();
}

bool is_current(const resource& which, const site& from) {
    tree names(from, lookup::cached_only);
    return which.settled && std::ranges::all_of(which.probes, [&](const probe& before) {
               auto status = names.look_at(before.path);
               if (!status) return !before.found && status.error().is(ENOENT);
               return before.found && *before.found == file_identity::of(*status);
           });
}

int status_for(const error& failed) noexcept {
    switch (failed.code().value()) {
        case ENOENT:
        case ENOTDIR:
        case ENAMETOOLONG:
            return 404;
        case EACCES:
        case EPERM:
        case ELOOP:
        case EXDEV:
        case ENXIO:
            return 403;
        case EMFILE:
        case ENFILE:
        case ENOMEM:
        case EAGAIN:
            return 503;
        default:
            return 500;
    }
}

}  // namespace sluice::http
