#include <algorithm>

#include <sluice/plan.h>

namespace sluice::inline v0 {

namespace {

constexpr std::string_view reason_texts[] = {
    "memory goes out gathered in one call",
    "small: one copy costs less than another call",
    "the kernel takes the file's pages without a copy",
    "nothing cheaper works with this file or sink",
    "asked for by name",
    "bytes are in a pipe and must leave it first",
    "file systems copy or share blocks among themselves",
    "large: a pipe hands over more at a time",
};

// From the cheapest for a large file to the one that always works.
// The first two know files only.
constexpr mechanism file_preference[] = {mechanism::reflink,      mechanism::copy_file_range,
                                         mechanism::sendfile,     mechanism::splice,
                                         mechanism::mapped_write, mechanism::read_write};

bool works(mechanism way, const sink& to, mechanism_set given_up) {
    const auto& traits = traits_of(way);
    return traits.takes_files && to.accepts(traits) && !given_up.contains(way);
}

const file_region* as_file(const piece& part) {
    return part.region();
}

// More pieces than this are not joined with a file; read_write gathers no more in one call.
constexpr std::size_t joined_pieces_max = 16;

bool small_file_follows(const chain& pieces, const profile& sizes) {
    auto all = pieces.pieces();
    for (const auto& part : all.first(std::min(all.size(), joined_pieces_max))) {
        if (const auto* next = as_file(part)) return next->size() <= sizes.joined_file_max;
    }
    return false;
}

plan plan_for_memory(const chain& pieces, const profile& sizes, std::optional<mechanism> forced) {
    if (!forced && small_file_follows(pieces, sizes))
        return {mechanism::read_write, plan_reason::small_file};
    return {mechanism::gathered_write, plan_reason::memory_is_gathered};
}

plan_reason reason_for(const mechanism_traits& way) {
    if (!way.into_sockets) return plan_reason::file_to_file;
    return way.user_kernel_copies > 0 ? plan_reason::only_way_left : plan_reason::file_without_copy;
}

plan plan_for_file(const sink& to, mechanism_set given_up) {
    for (auto way : file_preference) {
        if (!works(way, to, given_up)) continue;
        return {way, reason_for(traits_of(way))};
    }
    return {mechanism::read_write, plan_reason::only_way_left};
}

}  // namespace

std::string_view text_of(plan_reason reason) noexcept {
    return reason_texts[static_cast<std::size_t>(reason)];
}

plan plan_for(const chain& pieces, const sink& to, const profile& sizes,
              std::optional<mechanism> forced, mechanism_set given_up) noexcept {
    const auto* front = as_file(pieces.pieces().front());
    if (front == nullptr) return plan_for_memory(pieces, sizes, forced);
    if (forced && works(*forced, to, given_up)) return {*forced, plan_reason::forced};
    bool large = to.is_socket() && front->size() >= sizes.spliced_file_min;
    if (large && works(mechanism::splice, to, given_up))
        return {mechanism::splice, plan_reason::large_file};
    return plan_for_file(to, given_up);
}

}  // namespace sluice::inline v0
