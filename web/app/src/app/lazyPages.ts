import { lazy } from 'react';

export const People = lazy(() => import('@/people/People'));
export const Settings = lazy(() => import('@/settings/Settings'));
