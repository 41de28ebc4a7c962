// Memory of one JSON text at a time. boost::json::monotonic_resource would do, but it doubles its next block on
// every text that does not fit and never comes back; a daemon that runs for months must.
#pragma once

#include <boost/json/memory_resource.hpp>

#include <cstddef>
#include <memory>
#include <vector>

namespace lakeferry::core {

// Gives memory out in a row and takes it back all at once.
class json_arena final : public boost::json::memory_resource {
public:
    explicit json_arena(std::size_t bytes) : first_(new std::byte[bytes]), first_bytes_(bytes) { release(); }
    json_arena(const json_arena&) = delete;
    json_arena& operator=(const json_arena&) = delete;
    ~json_arena() override = default;

    void release() noexcept
    {
        more_.clear();
        at_ = first_.get();
        left_ = first_bytes_;
    }

private:
    void* do_allocate(std::size_t bytes, std::size_t align) override
    {
        void* at = at_;
        if (!std::align(align, bytes, at, left_)) {
            const std::size_t block = std::max(bytes + align, first_bytes_);
            more_.emplace_back(new std::byte[block]);
            at = more_.back().get();
            left_ = block;
            std::align(align, bytes, at, left_);
        }
        at_ = static_cast<std::byte*>(at) + bytes;
        left_ -= bytes;
        return at;
    }
    void do_deallocate(void*, std::size_t, std::size_t) override {}
    bool do_is_equal(const boost::json::memory_resource& other) const noexcept override { return this == &other; }

    std::unique_ptr<std::byte[]> first_;
    std::size_t first_bytes_;
    std::vector<std::unique_ptr<std::byte[]>> more_{};
    std::byte* at_ = nullptr;
    std::size_t left_ = 0;
};

}  // namespace lakeferry::core

// Values in such an arena need no destructor to run.
template <>
struct boost::json::is_deallocate_trivial<lakeferry::core::json_arena> {
    static constexpr bool value = true;
};
