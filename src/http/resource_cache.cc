#include "http/resource_cache.h"

#include <functional>

namespace sluice::http {

std::size_t resource_cache::key_hash::operator()(const key& which) const noexcept {
    return std::hash<std::string_view>()(which.path) ^ std::hash<const void*>()(which.from);
}

const resource* resource_cache::find(const site& from, std::string_view path, std::int64_t now_ns) {
    const auto* found = find_current({&from, path}, now_ns);
    return found == nullptr ? nullptr : found->kept.get();
}

std::shared_ptr<const resource> resource_cache::share(const site& from, std::string_view path,
                                                      std::int64_t now_ns) {
    const auto* found = find_current({&from, path}, now_ns);
    return found == nullptr ? nullptr : found->kept;
}

const resource_cache::entry* resource_cache::find_current(const key& wanted, std::int64_t now_ns) {
    auto found = index_.find(wanted);
    if (found == index_.end()) return nullptr;
    auto at = found->second;
    if (now_ns - at->checked_ns > recheck_ns) {
        if (!is_current(*at->kept, *wanted.from)) {
            erase(at);
            return nullptr;
        }
        at->checked_ns = now_ns;
    }
    if (at != entries_.begin()) entries_.splice(entries_.begin(), entries_, at);
    return &*at;
}

void resource_cache::insert(const site& from, std::string path,
                            std::shared_ptr<const resource> loaded, std::int64_t now_ns) {
    if (auto found = index_.find(key{&from, path}); found != index_.end()) erase(found->second);
    bytes_ += loaded->memory();
    descriptors_ += loaded->descriptors();
    entries_.push_front({&from, std::move(path), std::move(loaded), now_ns});
    index_.emplace(key{&from, entries_.front().path}, entries_.begin());
    trim();
}

void resource_cache::reset(cache_limits limits) {
    limits_ = limits;
    index_.clear();
    entries_.clear();
    bytes_ = 0;
    descriptors_ = 0;
}

void resource_cache::drop_descriptors() {
    for (auto at = entries_.begin(); at != entries_.end();) {
        auto next = std::next(at);
        if (at->kept->descriptors() > 0) erase(at);
        at = next;
    }
}

void resource_cache::erase(entry_list::iterator which) {
    bytes_ -= which->kept->memory();
    descriptors_ -= which->kept->descriptors();
    index_.erase(key{which->from, which->path});
    entries_.erase(which);
}

void resource_cache::trim() {
    while (!entries_.empty() && (bytes_ > limits_.bytes || descriptors_ > limits_.descriptors ||
                                 entries_.size() > limits_.entries)) {
        erase(std::prev(entries_.end()));
    }
}

}  // namespace sluice::http
