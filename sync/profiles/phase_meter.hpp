// How long something went on, however many did it at once.
#pragma once

#include "net/rt/time.hpp"
#include "sync/profiles/run_report.hpp"

#include <chrono>
#include <cstdint>

namespace lakeferry::profiles {

// Counts the time in which at least one turn is taken. Loop thread only; outlives its turns.
class phase_meter {
public:
    explicit phase_meter(rt::time_source& time) : time_(time) {}
    phase_meter(const phase_meter&) = delete;
    phase_meter& operator=(const phase_meter&) = delete;

    class turn {
    public:
        explicit turn(phase_meter& of) : of_(of)
        {
            if (of_.open_++ == 0) of_.since_ = of_.time_.now();
        }
        turn(const turn&) = delete;
        turn& operator=(const turn&) = delete;
        ~turn()
        {
            if (--of_.open_ == 0) of_.sum_ += of_.time_.now() - of_.since_;
        }

    private:
        phase_meter& of_;
    };

    std::int64_t microseconds() const
    {
        const auto all = open_ == 0 ? sum_ : sum_ + (time_.now() - since_);
        return std::chrono::duration_cast<std::chrono::microseconds>(all).count();
    }

private:
    rt::time_source& time_;
    unsigned open_ = 0;
    rt::time_point since_{};
    rt::duration sum_{};
};

// Of one run.
struct run_meters {
    phase_meter stage;      // rows are read, compressed, uploaded
    phase_meter load;       // statements of loads
    phase_meter warehouse;  // any statement: how long the run kept the warehouse busy

    explicit run_meters(rt::time_source& time) : stage(time), load(time), warehouse(time) {}
    // So far.
    void into(run_report& report) const
    {
        report.stage_us = stage.microseconds();
        report.load_us = load.microseconds();
        report.warehouse_us = warehouse.microseconds();
    }
};

}  // namespace lakeferry::profiles
