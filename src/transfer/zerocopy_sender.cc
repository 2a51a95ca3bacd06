#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <utility>

#include <sluice/in_flight.h>

#include "sys/descriptors.h"
#include "sys/io.h"
#include "sys/sockets.h"
#include "transfer/mechanism_step.h"

namespace sluice::inline v0 {

namespace {

// A socket buffer of the kernel holds 17 fragments (MAX_SKB_FRAGS): more parts in a call gain
// little.
constexpr std::size_t parts_max = 64;

// The first `limit` bytes of the parts.
std::span<iovec> cut_to(std::span<iovec> parts, std::uint64_t limit) {
    std::size_t count = 0;
    for (auto& part : parts) {
        if (limit == 0) break;
        part.iov_len = static_cast<std::size_t>(std::min<std::uint64_t>(part.iov_len, limit));
        limit -= part.iov_len;
        ++count;
    }
    return parts.first(count);
}

std::uint64_t size_of(std::span<const iovec> parts) {
    std::uint64_t size = 0;
    for (const auto& part : parts)
        size += part.iov_len;
    return size;
}

// What these parts leave of the chain follows at once.
sys::more_follows more_behind(const chain& pieces, std::span<const iovec> parts) {
    return size_of(parts) < pieces.size() ? sys::more_follows::yes : sys::more_follows::no;
}

}  // namespace

result<zerocopy_sender> zerocopy_sender::make(unique_fd socket, zerocopy_options options) {
    // UDP has zero-copy sends too, but counts them otherwise.
    auto kind = sys::kind_of(socket.get());
    if (!kind) return failure(std::move(kind));
    if (*kind != sys::descriptor_kind::tcp_socket) return failure(EOPNOTSUPP, "zero-copy send");
    if (auto allowed = sys::allow_zerocopy(socket.get()); !allowed)
        return failure(std::move(allowed));
    return zerocopy_sender(std::move(socket), options);
}

zerocopy_sender& zerocopy_sender::operator=(zerocopy_sender&& other) noexcept {
    if (this == &other) return *this;
    abort();
    socket_ = std::move(other.socket_);
    options_ = other.options_;
    pending_ = std::exchange(other.pending_, in_flight());
    refused_ = other.refused_;
    costs_ = other.costs_;
    return *this;
}

zerocopy_sender::~zerocopy_sender() {
    abort();
}

// The connection goes before the memory does.
void zerocopy_sender::abort() noexcept {
    if (socket_ && !pending_.empty()) pending_.abandon(socket_.get());
    socket_.reset();
}

// What one call has moved, and whether it could not be made for the bound.
struct zerocopy_sender::attempt {
    sys::moved moved;
    bool over_bound = false;
};

// Without a copy: at most `limit` bytes, kept until the kernel lets them go. Nothing when the
// kernel has no memory to keep the books of another one (ENOBUFS).
result<std::optional<zerocopy_sender::attempt>> zerocopy_sender::send_kept(chain& pieces,
                                                                           std::span<iovec> parts,
                                                                           std::uint64_t limit) {
    parts = cut_to(parts, limit);
    // All that may throw comes before the call: from then on the kernel reads the memory, and
    // counts the send.
    auto sent = pieces.slice(0, std::min<std::uint64_t>(size_of(parts), limit));
    pending_.make_room();
    ++costs_.calls;
    auto moved = sys::send_zerocopy(socket_.get(), parts, more_behind(pieces, parts));
    if (!moved && moved.error().is(ENOBUFS)) {
        refused_ = true;
        ++costs_.refused;
        return std::nullopt;
    }
    if (!moved) return failure(std::move(moved));
    pieces.advance(moved->bytes);
    sent.trim_back(sent.size() - moved->bytes);
    costs_.bytes += moved->bytes;
    if (moved->bytes > 0) pending_.add(std::move(sent));
    if (auto whole = check_mappings(parts); !whole) return failure(std::move(whole));
    return attempt{.moved = *moved};
}

result<zerocopy_sender::attempt> zerocopy_sender::send_copied(chain& pieces,
                                                              std::span<const iovec> parts) {
    ++costs_.calls;
    auto moved = sys::send(socket_.get(), parts, more_behind(pieces, parts));
    if (!moved) return failure(std::move(moved));
    auto whole = check_mappings(parts);  // before the chain lets go of them
    costs_.bytes += moved->bytes;
    costs_.copied_bytes += moved->bytes;
    pieces.advance(moved->bytes);
    if (!whole) return failure(std::move(whole));
    return attempt{.moved = *moved};
}

result<zerocopy_sender::attempt> zerocopy_sender::send_front(chain& pieces) {
    std::array<iovec, parts_max> room;
    auto exported = pieces.export_memory(room);
    auto parts = std::span(room).first(exported.parts);

    auto free = options_.in_flight_max - std::min(options_.in_flight_max, pending_.bytes());
    auto least = std::max<std::uint64_t>(options_.copied_below, 1);
    bool large = exported.bytes >= least;
    bool fits = free >= std::min<std::uint64_t>(exported.bytes, least);
    // With nothing in flight there is nothing to wait for: what does not fit goes as a copy.
    bool stops = options_.when_reached == zerocopy_options::at_bound::stop && !pending_.empty();
    if (large && !fits && stops) return attempt{.moved = {}, .over_bound = true};
    if (auto whole = check_mappings(parts); !whole) return failure(std::move(whole));
    if (large && fits && !refused_) {
        auto kept = send_kept(pieces, parts, free);
        if (!kept) return failure(std::move(kept));
        if (*kept) return **kept;
        parts = std::span(room).first(pieces.export_memory(room).parts);  // they were cut
    }
    return send_copied(pieces, parts);
}

result<zerocopy_progress> zerocopy_sender::send(chain& pieces) {
    zerocopy_progress made;
    auto memory_left = [&] {
        iovec first;
        return pieces.export_memory({&first, 1}).parts > 0;
    };
    while (memory_left()) {
        auto tried = send_front(pieces);
        if (!tried) return failure(std::move(tried));
        if (tried->over_bound) {
            // Perhaps the kernel has let go some by now.
            auto released = poll_completions();
            if (!released) return failure(std::move(released));
            if (*released > 0) continue;
            made.state = zerocopy_state::bound_reached;
            return made;
        }
        made.bytes += tried->moved.bytes;
        if (!tried->moved.would_block) continue;
        ++costs_.would_blocks;
        made.state = zerocopy_state::would_block;
        return made;
    }
    return made;
}

result<std::uint64_t> zerocopy_sender::poll_completions() {
    auto released = pending_.poll_completions(socket_.get(), costs_);
    if (released && *released > 0) refused_ = false;
    return released;
}

result<void> zerocopy_sender::close(in_flight_lot& lot) && {
    if (!pending_.empty()) {
        // An error here says nothing about the connection: the lot will ask again.
        auto released = poll_completions();
        static_cast<void>(released);
    }
    if (pending_.empty()) {
        socket_.reset();
        return {};
    }
    return lot.take(std::move(socket_), std::exchange(pending_, in_flight()));
}

}  // namespace sluice::inline v0
