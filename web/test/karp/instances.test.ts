// SPDX-License-Identifier: MIT OR Apache-2.0
import { expect, test } from "vitest";
import { compareInstances, INSTANCES_MAX, Instances, isInstance, nextInstance } from "../../src/karp/instances.ts";

test("the newest is the largest number, whatever its digits and the order of their arrival", () => {
    const instances = new Instances();
    for (const id of ["1736899200", "1736899200000", "999999999999", "foo", "", "1736899199999"]) instances.add(id);
    expect(instances.newest).toBe("1736899200000");
    instances.remove("1736899200000");
    expect(instances.newest).toBe("1736899199999");
    instances.clear();
    expect(instances.newest).toBeUndefined();
});

test("instances are digits only, and compare beyond 53 bits", () => {
    expect(["0", "007", "9".repeat(39)].every(isInstance)).toBe(true);
    expect(["", "-1", "1.5", "1e3", "9".repeat(40), "x"].some(isInstance)).toBe(false);
    expect(compareInstances("18446744073709551614", "18446744073709551615")).toBeLessThan(0);
    expect(compareInstances("007", "7")).toBe(0);
});

test("a clock that goes back never makes an older instance", () => {
    expect(nextInstance(1000.7)).toBe(1000);
    expect(nextInstance(1000, 5000)).toBe(5001);
});

test("of many, the newest are kept, in whatever order they come", () => {
    const ids = Array.from({ length: 1000 }, (_, i) => String(i));
    const orders = [
        ids,
        ids.toReversed(),
        ids.toSorted((a, b) => ((Number(a) * 7919) % 1000) - ((Number(b) * 7919) % 1000)),
    ];
    for (const order of orders) {
        const instances = new Instances();
        for (const id of order) instances.add(id);
        for (let newest = 999; newest > 999 - INSTANCES_MAX; newest--) {
            expect(instances.newest).toBe(String(newest));
            expect(instances.areUnknown).toBe(false);
            instances.remove(String(newest));
        }
        expect(instances.newest).toBeUndefined();
        expect(instances.areUnknown).toBe(true);
    }
});

test("one that is older than a forgotten one is not taken for the newest", () => {
    const instances = new Instances();
    for (let i = 1; i <= INSTANCES_MAX + 10; i++) instances.add(String(i));
    for (let i = 11; i < INSTANCES_MAX + 10; i++) instances.remove(String(i));
    instances.add("3");
    instances.remove(String(INSTANCES_MAX + 10));
    expect([instances.newest, instances.areUnknown]).toEqual([undefined, true]);
    instances.clear();
    instances.add("3");
    expect([instances.newest, instances.areUnknown]).toEqual(["3", false]);
});
