// A file of calls as bytes: plain or gzip, told by its first bytes; from a path or from standard input.
#pragma once

#include "net/rt/failure.hpp"

#include <cstdint>
#include <future>
#include <memory>
#include <string>

namespace lakeferry::daemon {

// Reads one block ahead on a thread of its own, so that reading and sending overlap. Not copyable, one thread.
class file_source {
public:
    // Failures (never), each with what to do: "file.not_found", "file.forbidden", "file.directory", "file.not_gzip" (it is
    // called .gz and is not), "file.unreadable".
    static rt::outcome<std::unique_ptr<file_source>> open(const std::string& path);
    ~file_source();
    file_source(const file_source&) = delete;
    file_source& operator=(const file_source&) = delete;

    // Bytes on disk; 0 for standard input and other streams.
    std::uint64_t size() const noexcept { return size_; }
    // Of the content as it lies there: its size and a hash of the first MiB.
    const std::string& fingerprint() const noexcept { return fingerprint_; }
    bool is_gzip() const noexcept { return gzip_; }

    // The next block, at most `bytes`; empty at the end. Failures: "file.damaged" (gzip that breaks off or does not
    // add up), "file.unreadable".
    rt::outcome<std::string> next(std::size_t bytes);
    // Passes over unpacked bytes. Failure "file.shorter" besides those of next().
    rt::outcome<void> skip(std::uint64_t bytes);
    // How far into the bytes on disk reading has come; for progress.
    std::uint64_t position() const noexcept { return position_; }

private:
    struct handle;
    struct block {
        rt::outcome<std::string> bytes{std::string()};
        std::uint64_t position = 0;
    };
    file_source(std::string path, std::unique_ptr<handle> from);
    block read(std::size_t bytes);

    std::string path_;
    std::unique_ptr<handle> from_;
    std::string fingerprint_{};
    std::uint64_t size_ = 0;
    std::uint64_t position_ = 0;
    bool gzip_ = false;
    std::future<block> ahead_{};
};

}  // namespace lakeferry::daemon
