#include "sys/io.h"

#include <algorithm>
#include <cerrno>

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sys/fault.h"

namespace sluice::sys {

namespace {

// Makes `attempt(size)` until it is not interrupted, and turns its answer into an outcome.
template <typename Attempt>
result<moved> carry_out(call made, const char* operation, std::size_t size, Attempt attempt) {
    auto injected = fault_for(made);
    size = std::min({size, injected.size_max, transfer_size_max});
    ssize_t count = -1;
    if (injected.error_number != 0) {
        errno = injected.error_number;
    } else {
        do {
            count = attempt(size);
        } while (count < 0 && errno == EINTR);
    }
    if (count >= 0) return moved{.bytes = static_cast<std::size_t>(count)};
    if (errno == EAGAIN || errno == EWOULDBLOCK) return moved{.would_block = true};
    return failure(errno, operation);
}

// Gathered calls have no byte limit of their own, so a short one is forced by cutting the list.
std::size_t total_size(std::span<const iovec> parts) {
    std::size_t total = 0;
    for (const auto& part : parts)
        total += part.iov_len;
    return total;
}

constexpr std::size_t cut_parts_max = 64;

std::span<const iovec> cut_to(std::span<const iovec> parts, std::size_t size,
                              std::span<iovec> scratch) {
    std::size_t count = 0;
    for (const auto& part : parts.first(std::min(parts.size(), scratch.size()))) {
        if (size == 0) break;
        scratch[count] = {part.iov_base, std::min(part.iov_len, size)};
        size -= scratch[count++].iov_len;
    }
    return scratch.first(count);
}

// The same for calls that take a list.
template <typename Attempt>
result<moved> carry_out(call made, const char* operation, std::span<const iovec> parts,
                        Attempt attempt) {
    auto whole = total_size(parts);
    return carry_out(made, operation, whole, [&](std::size_t size) {
        iovec scratch[cut_parts_max];
        auto list = size < whole ? cut_to(parts, size, scratch) : parts;
        return attempt(list.data(), static_cast<int>(list.size()));
    });
}

}  // namespace

result<moved> read(int fd, writable_bytes to) {
    return carry_out(call::read, "read", to.size(),
                     [&](std::size_t size) { return ::read(fd, to.data(), size); });
}

result<moved> write(int fd, bytes_view from) {
    return carry_out(call::write, "write", from.size(),
                     [&](std::size_t size) { return ::write(fd, from.data(), size); });
}

result<moved> pread(int fd, writable_bytes to, std::uint64_t position) {
    return carry_out(call::pread, "pread", to.size(), [&](std::size_t size) {
        return ::pread(fd, to.data(), size, static_cast<off_t>(position));
    });
}

result<moved> pread_nowait(int fd, writable_bytes to, std::uint64_t position) {
    return carry_out(call::pread, "preadv2", to.size(), [&](std::size_t size) {
        iovec part{to.data(), size};
        return ::preadv2(fd, &part, 1, static_cast<off_t>(position), RWF_NOWAIT);
    });
}

result<moved> pwrite(int fd, bytes_view from, std::uint64_t position) {
    return carry_out(call::pwrite, "pwrite", from.size(), [&](std::size_t size) {
        return ::pwrite(fd, from.data(), size, static_cast<off_t>(position));
    });
}

result<moved> preadv(int fd, std::span<const iovec> parts, std::uint64_t position) {
    return carry_out(call::pread, "preadv", parts, [&](const iovec* list, int count) {
        return ::preadv(fd, list, count, static_cast<off_t>(position));
    });
}

result<moved> pwritev(int fd, std::span<const iovec> parts, std::uint64_t position) {
    return carry_out(call::pwrite, "pwritev", parts, [&](const iovec* list, int count) {
        return ::pwritev(fd, list, count, static_cast<off_t>(position));
    });
}

result<moved> append(int fd, std::span<const iovec> parts) {
    return carry_out(call::pwrite, "pwritev2", parts, [&](const iovec* list, int count) {
        return ::pwritev2(fd, list, count, 0, RWF_APPEND);
    });
}

result<moved> writev(int fd, std::span<const iovec> parts) {
    return carry_out(call::writev, "writev", parts,
                     [&](const iovec* list, int count) { return ::writev(fd, list, count); });
}

result<moved> send(int socket, std::span<const iovec> parts, more_follows more, int flags) {
    flags |= MSG_NOSIGNAL | MSG_DONTWAIT | (more == more_follows::yes ? MSG_MORE : 0);
    return carry_out(call::sendmsg, "sendmsg", parts, [&](const iovec* list, int count) {
        msghdr message{};
        message.msg_iov = const_cast<iovec*>(list);  // sendmsg(2) only reads it
        message.msg_iovlen = static_cast<std::size_t>(count);
        return ::sendmsg(socket, &message, flags);
    });
}

result<moved> receive(int socket, writable_bytes to, receive_wait wait) {
    int flags = wait == receive_wait::for_all ? MSG_WAITALL : MSG_DONTWAIT;
    return carry_out(call::read, "recv", to.size(),
                     [&](std::size_t size) { return ::recv(socket, to.data(), size, flags); });
}

result<moved> sendfile(int to, int from_file, std::uint64_t position, std::size_t size) {
    return carry_out(call::sendfile, "sendfile", size, [&](std::size_t count) {
        off_t offset = static_cast<off_t>(position);
        return ::sendfile(to, from_file, &offset, count);
    });
}

result<moved> copy_file_range(int to, write_place place, int from_file, std::uint64_t position,
                              std::size_t size) {
    return carry_out(call::copy_file_range, "copy_file_range", size, [&](std::size_t count) {
        off64_t from_offset = static_cast<off64_t>(position);
        off64_t to_offset = static_cast<off64_t>(place.value_or(0));
        return ::copy_file_range(from_file, &from_offset, to, place ? &to_offset : nullptr, count,
                                 0);
    });
}

result<void> clone_range(int to, std::uint64_t to_position, int from_file, std::uint64_t position,
                         std::uint64_t size) {
    if (auto injected = fault_for(call::clone); injected.error_number != 0)
        return failure(injected.error_number, "ioctl FICLONERANGE");
    ::file_clone_range wanted{.src_fd = from_file,
                              .src_offset = position,
                              .src_length = size,
                              .dest_offset = to_position};
    int answer;
    do {
        answer = ::ioctl(to, FICLONERANGE, &wanted);
    } while (answer < 0 && errno == EINTR);
    if (answer != 0) return failure(errno, "ioctl FICLONERANGE");
    return {};
}

result<moved> splice_from_file(int pipe, int file, std::uint64_t position, std::size_t size) {
    return carry_out(call::splice, "splice", size, [&](std::size_t count) {
        off64_t offset = static_cast<off64_t>(position);
        return ::splice(file, &offset, pipe, nullptr, count, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
    });
}

result<moved> splice_from_pipe(int to, int pipe, std::size_t size, more_follows more) {
    unsigned flags =
        SPLICE_F_MOVE | SPLICE_F_NONBLOCK | (more == more_follows::yes ? SPLICE_F_MORE : 0);
    return carry_out(call::splice, "splice", size, [&](std::size_t count) {
        return ::splice(pipe, nullptr, to, nullptr, count, flags);
    });
}

result<moved> splice_to_pipe(int pipe, int from, std::size_t size) {
    return carry_out(call::splice, "splice", size, [&](std::size_t count) {
        return ::splice(from, nullptr, pipe, nullptr, count, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
    });
}

result<moved> splice_to_file(int file, std::uint64_t position, int pipe, std::size_t size) {
    return carry_out(call::splice, "splice", size, [&](std::size_t count) {
        off64_t offset = static_cast<off64_t>(position);
        return ::splice(pipe, nullptr, file, &offset, count, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
    });
}

}  // namespace sluice::sys
