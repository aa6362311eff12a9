"""The peer of `bench/hair.ts`: hair removal as scripts do it with OpenCV.

`hair_peer.py PROCESSES FROM TO`. With one process OpenCV takes the threads it wants; with more, one each. Reads
requests from stdin, one a line, works through the folder for each, and answers with one line of JSON: the seconds.
"""
import json
import multiprocessing
import os
import sys
import time

import cv2

CROSS = cv2.getStructuringElement(cv2.MORPH_CROSS, (17, 17))


def remove(paths):
    source, target = paths
    image = cv2.imread(source)
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    hat = cv2.morphologyEx(grey, cv2.MORPH_BLACKHAT, CROSS)
    _, mask = cv2.threshold(hat, 10, 255, cv2.THRESH_BINARY)
    result = cv2.inpaint(image, mask, 1, cv2.INPAINT_TELEA)
    cv2.imwrite(target, result, [cv2.IMWRITE_JPEG_QUALITY, 95])


def main():
    processes, source, target = int(sys.argv[1]), sys.argv[2], sys.argv[3]
    work = [(os.path.join(source, name), os.path.join(target, name)) for name in sorted(os.listdir(source))]
    pool = None
    if processes > 1:
        cv2.setNumThreads(1)
        pool = multiprocessing.Pool(processes)
    print(json.dumps({'opencv': cv2.__version__}), flush=True)
    for _ in sys.stdin:
        start = time.perf_counter()
        if pool:
            pool.map(remove, work, chunksize=1)
        else:
            for paths in work:
                remove(paths)
        print(json.dumps({'seconds': time.perf_counter() - start}), flush=True)


if __name__ == '__main__':
    main()
