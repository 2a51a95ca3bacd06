#include "transfer/mechanism_step.h"

#include <cerrno>
#include <string>

#include <sluice/mapped_region.h>

namespace sluice::inline v0 {

namespace {

constexpr std::array<step_function, mechanism_count> step_functions{
    read_write_step,     mapped_write_step,    sendfile_step, splice_step,
    gathered_write_step, copy_file_range_step, reflink_step};

// EINVAL: the file system or the kind of sink does not take part. ENOSYS, EPERM: an old kernel, or
// a sandbox that forbids the call. ENODEV: the file system cannot map.
bool means_unsupported(const error& failed) {
    return failed.is(EINVAL) || failed.is(ENOSYS) || failed.is(EOPNOTSUPP) || failed.is(EPERM) ||
           failed.is(ENODEV) || failed.is(ESPIPE);
}

}  // namespace

result<void> check_mappings(std::span<const iovec> parts) {
    if (mapping_faults_taken() == 0) return {};
    for (const auto& part : parts) {
        bytes_view bytes(static_cast<const std::byte*>(part.iov_base), part.iov_len);
        if (auto fault = mapping_fault_of(bytes); fault)
            return failure(fault->reason, "write mapped",
                           "byte " + std::to_string(fault->position) + " of a mapped file");
    }
    return {};
}

step_function step_of(mechanism which) noexcept {
    return step_functions[static_cast<std::size_t>(which)];
}

result<step_outcome> refusal(error failed, const file_region& source) {
    if (means_unsupported(failed))
        return step_outcome{.state = step_state::unsupported, .reason = failed.code().value()};
    return std::unexpected(std::move(failed).on(source.source().name()));
}

result<sys::moved> write_gathered(const sink& to, std::span<const iovec> parts,
                                  sys::more_follows more, mechanism_cost& cost) {
    if (auto whole = check_mappings(parts); !whole) return failure(std::move(whole));
    ++cost.calls;
    auto moved = to.is_socket()  ? sys::send(to.fd(), parts, more)
                 : to.position() ? sys::pwritev(to.fd(), parts, *to.position())
                                 : sys::writev(to.fd(), parts);
    if (!moved) return moved;
    // Again: another thread may have met the loss meanwhile, and zeros may have gone.
    if (auto whole = check_mappings(parts); !whole) return failure(std::move(whole));
    cost.copied_user_kernel += moved->bytes;
    if (moved->would_block) ++cost.would_blocks;
    return moved;
}

}  // namespace sluice::inline v0
